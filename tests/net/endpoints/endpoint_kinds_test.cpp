// SPDX-License-Identifier: MIT
// Endpoints from their texts: what the texts mean, what is wrong in them and where, and connections over each kind.
#include <chrono>
#include <cstddef>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/nursery.hpp>
#include <wring/core/testing/task_test.hpp>
#include <wring/core/this_task.hpp>
#include <wring/net/endpoints/endpoint_kinds.hpp>
#include <wring/net/files/process_stream.hpp>
#include <wring/net/memory_stream.hpp>
#include <wring/net/proxy_listener.hpp>
#include <wring/net/tcp_listener.hpp>
#include <wring/net/tcp_stream.hpp>

#include "support/disposition.hpp"
#include "support/temporary_folder.hpp"

namespace {

using namespace wring;
using namespace wring::tests;
using namespace std::chrono_literals;

/// What is wrong with a text, without the text itself.
std::string problem_of(const std::function<void()>& read) {
  try {
    read();
  } catch (const net::endpoint_error& e) {
    const std::string what = e.what();
    return what.substr(what.find("\", at ") + 6);
  }
  return "nothing";
}

std::string server_problem(std::string_view text) {
  return problem_of([&] { static_cast<void>(net::endpoint_kinds().server(text)); });
}
std::string client_problem(std::string_view text) {
  return problem_of([&] { static_cast<void>(net::endpoint_kinds().client(text)); });
}

}  // namespace

TEST_CASE("the text of an endpoint has positions, names and escapes", "[endpoint]") {
  net::endpoint_arguments a(R"(TCP:80:interface=fe80\:\:1:path=a=b\\c)");
  CHECK(a.kind() == "tcp");
  CHECK(a.require_port("port") == 80);
  CHECK(a.take("interface") == "fe80::1");
  CHECK(a.take("path") == "a=b\\c");
  CHECK(!a.take("more"));
  a.finish();

  net::endpoint_arguments b(R"(k\:x:a\=b:)");
  CHECK(b.kind() == "k:x");
  CHECK(b.take("first") == "a=b");
  CHECK(b.take("second") == "");
  net::endpoint_arguments none("stdio:");
  none.finish();

  net::endpoint_arguments numbers("k:n=7:yes=TRUE:s=0.25");
  CHECK(numbers.take_number("n", 1, 0, 10) == 7);
  CHECK(numbers.take_number("m", 1, 0, 10) == 1);
  CHECK(numbers.take_flag("yes", false));
  CHECK(numbers.take_flag("no", true));
  CHECK(numbers.take_seconds("s", 1s) == duration(250ms));

  const std::string awkward = R"(C:\x=1)";
  net::endpoint_arguments quoted("k:" + net::quote_endpoint_argument(awkward));
  CHECK(quoted.take("value") == awkward);

  net::endpoint_arguments plain(R"(proxy:trusted=10.0.0.0/8:tcp:80:path=a\:b)");
  CHECK(plain.require_inner() == R"(tcp:80:path=a\:b)");
  CHECK(plain.take("trusted") == "10.0.0.0/8");
}

TEST_CASE("an error names the part of the text, and where it is", "[endpoint]") {
  CHECK(server_problem("") == "0: it must begin with the kind of endpoint");
  CHECK(server_problem("a=b") == "0: it must begin with the kind of endpoint");
  CHECK(server_problem("tcp:80:=x") == "7: there is no name before \"=\"");
  CHECK(server_problem("tcp:80\\") == "6: \"\\\" must be followed by what it escapes");
  CHECK(server_problem("tcp") == "3: port is missing");
  CHECK(server_problem("tcp:") == "4: port is missing");
  CHECK(server_problem("tcp::interface=::") == "4: port \"\" is empty");
  CHECK(server_problem("tcp:65536") == "4: port \"65536\" is not a port, a number from 0 to 65535");
  CHECK(server_problem("tcp:80x") == "4: port \"80x\" is not a port, a number from 0 to 65535");
  CHECK(server_problem("tcp:80:interface=eth0").starts_with("7: interface \"eth0\" is not an IP address"));
  CHECK(server_problem("tcp:80:backlog=0").starts_with("7: backlog \"0\" is not a number from 1 to"));
  CHECK(server_problem("tcp:80:port=81") == "7: port is given twice, once by its position");
  CHECK(server_problem("tcp:80:backlog=1:backlog=2") == "17: backlog is given twice");
  CHECK(server_problem("tcp:80:colour=red") == "7: tcp has no argument colour");
  CHECK(server_problem("tcp:80::1:x") == "10: tcp takes no further argument: \"x\"");
  CHECK(server_problem("tcp6:80:interface=1.2.3.4") == "8: interface \"1.2.3.4\" is not an IPv6 address");
  CHECK(server_problem("unix:/x:mode=888") == "8: mode \"888\" is not a file's permissions, such as 660");
  CHECK(server_problem("unix:/x:lockfile=maybe") == "8: lockfile \"maybe\" is neither 1 nor 0");
  CHECK(server_problem("fd:-1").starts_with("3: fileno \"-1\" is not a number"));
  CHECK(server_problem("proxy:trusted=10.0.0.0/8") == "24: the endpoint that it wraps is missing");
  CHECK(server_problem("proxy:trusted=10.0.0.0/99:tcp:80").starts_with("6: trusted \"10.0.0.0/99\" is not a list"));
  CHECK(server_problem("proxy:tcp:x") == "4: port \"x\" is not a port, a number from 0 to 65535");
  CHECK(server_problem("gopher:70") ==
        "0: there is no kind of server \"gopher\", but fd, proxy, stdio, tcp, tcp6, unix");
  CHECK(client_problem("proxy:tcp:80") == "0: there is no kind of client \"proxy\", but fd, stdio, tcp, unix");
  CHECK(client_problem("tcp:example.org") == "15: port is missing");
  CHECK(client_problem("tcp:example.org:80:timeout=-1") == "19: timeout \"-1\" is not a time in seconds, more than 0");
  CHECK(client_problem("tcp:example.org:80:bindAddress=x").starts_with("19: bindAddress \"x\" is not an IP address"));
  const net::endpoint_error e("tcp:x", 4, "wrong");
  CHECK(e.position() == 4);
  CHECK(std::string_view(e.what()) == "endpoint \"tcp:x\", at 4: wrong");
}

TEST_CASE("sockets of a supervisor are found by index or name", "[endpoint]") {
  std::vector<net::inherited_socket> passed;
  passed.push_back({net::descriptor(), "web", net::inherited_kind::listener, net::socket_address("127.0.0.1:80")});
  passed.push_back({net::descriptor(), "log", net::inherited_kind::datagram, net::socket_address("[::1]:514")});
  net::endpoint_kinds kinds;
  kinds.add_systemd(std::move(passed));
  const auto problem = [&](std::string_view text) {
    return problem_of([&] { static_cast<void>(kinds.server(text)); });
  };
  CHECK(problem("systemd:domain=INET:index=0") == "nothing");
  CHECK(problem("systemd:name=web") == "nothing");
  CHECK(problem("systemd:domain=INET6:index=0") == "8: domain \"INET6\" is not that of the socket");
  CHECK(problem("systemd:domain=X:index=0") == "8: domain \"X\" is none of INET, INET6 and UNIX");
  CHECK(problem("systemd:domain=INET:index=2") == "20: index \"2\" is not there: 2 were passed on");
  CHECK(problem("systemd:domain=INET") == "19: index is missing");
  CHECK(problem("systemd:name=mail") == "8: name \"mail\" is not there, but \"web\", \"log\"");
  CHECK(problem("systemd:") == "8: name is missing");
  CHECK(problem("systemd:domain=INET6:index=1") == "0: the socket does not listen");
  CHECK(problem("systemd:name=web:domain=INET:index=0") == "8: systemd has no argument name");
}

namespace {

/// Listens at one endpoint, connects to another, and says what each has received.
task<std::string> meet(net::any_listener& listener, const net::client_endpoint& client, std::string_view first) {
  net::any_stream near = co_await client.connect();
  co_await near.write_all(first);
  auto pending = co_await listener.accept();
  net::any_stream far = co_await pending.establish();
  const buffer_lease chunk = co_await far.read_some();
  const std::string got(reinterpret_cast<const char*>(chunk.data()), chunk.size());
  const std::string peer = far.peer_address().to_string();
  co_await far.close();
  const buffer_lease end = co_await near.read_some();
  co_return end.empty() ? got + " from " + peer : "no end";
}

TASK_TEST_WITH("connections over the kinds that the library has", "[endpoint][real_fd]", .real_time = true) {
  const temporary_folder folder;
  net::endpoint_kinds kinds;
  net::any_listener tcp = co_await kinds.server("tcp:0:interface=127.0.0.1").listen();
  const std::string port = std::to_string(tcp.local_address().port());
  const net::client_endpoint over_tcp = kinds.client("TCP:localhost:" + port + ":timeout=5:bindAddress=127.0.0.1");
  const std::string by_tcp = co_await meet(tcp, over_tcp, "hello");
  CHECK(by_tcp.starts_with("hello from 127.0.0.1:"));

  const std::string path = net::quote_endpoint_argument(folder / "a:b");
  net::any_listener local = co_await kinds.server("unix:" + path + ":mode=600").listen();
  const std::string by_unix = co_await meet(local, kinds.client("unix:" + path), "hello");
  CHECK(by_unix.starts_with("hello"));

  net::any_listener proxied = co_await kinds.server("proxy:trusted=127.0.0.1:tcp:0:interface=127.0.0.1").listen();
  const net::client_endpoint to_proxied =
      kinds.client("tcp:127.0.0.1:" + std::to_string(proxied.local_address().port()));
  const std::string by_proxy = co_await meet(proxied, to_proxied, "PROXY TCP4 192.0.2.1 192.0.2.2 5 80\r\nhello");
  CHECK(by_proxy == "hello from 192.0.2.1:5");

  const net::server_endpoint nothing = kinds.server("fd:9999");
  const auto refused = co_await nothing.listen().result();
  CHECK(!refused);
  const net::server_endpoint twice = kinds.server("proxy:proxy:tcp:0:interface=127.0.0.1");
  auto listen_twice = [&] { return twice.listen(); };
  try {
    co_await listen_twice();
    FAIL("a proxy's header cannot follow another");
  } catch (const std::invalid_argument& e) {
    CHECK(std::string_view(e.what()).ends_with("not proxy:tcp:0:interface=127.0.0.1"));
  }
}

TASK_TEST("a program adds kinds of its own", "[endpoint]") {
  net::endpoint_kinds kinds;
  std::vector<net::memory_stream> peers;
  kinds.add_client("memory", [&](net::endpoint_arguments& arguments, const net::endpoint_kinds&) {
    return net::client_endpoint(arguments.text(),
                                [&peers, hello = arguments.require("hello")]() -> task<net::any_stream> {
                                  auto [a, b] = net::make_memory_stream_pair();
                                  co_await b.write_all(hello);
                                  peers.push_back(std::move(b));
                                  co_return net::any_stream(std::move(a));
                                });
  });
  CHECK_THROWS_AS(kinds.add_client("", nullptr), std::invalid_argument);
  net::client_endpoint endpoint = kinds.client("memory:hi");
  kinds = net::endpoint_kinds();
  CHECK(endpoint.text() == "memory:hi");
  net::any_stream s = co_await endpoint.connect();
  const buffer_lease chunk = co_await s.read_some();
  CHECK(chunk.size() == 2);
}

}  // namespace

TASK_TEST_WITH("a process is a kind of client that a program adds", "[endpoint][real_fd]", .real_time = true) {
  CHECK(client_problem("process:cat").find("there is no kind of client") != std::string::npos);
  const without_sigpipe here;
  net::endpoint_kinds kinds;
  kinds.add_processes();
  CHECK(problem_of([&] { static_cast<void>(kinds.client("process:")); }).find("program is missing") !=
        std::string::npos);
  net::any_stream upper = co_await kinds.client(R"(process:sh:-c:tr a-z A-Z; echo "end\: $1":sh:of it)").connect();
  co_await upper.write_all("hello\n");
  co_await upper.shut_down_write();
  std::string said;
  for (;;) {
    const buffer_lease chunk = co_await upper.read_some();
    if (!chunk) break;
    said.append(reinterpret_cast<const char*>(chunk.data()), chunk.size());
  }
  CHECK(said == "HELLO\nend: of it\n");
  co_await upper.close();
  CHECK(upper.target<net::process_stream>()->process().signal(0) == false);
  net::process_stream none;
  co_await none.close();
}

TASK_TEST_WITH("standard input and output are a connection, of which there is one", "[endpoint][real_fd]",
               .real_time = true) {
  const net::endpoint_kinds kinds;
  CHECK(server_problem("stdio:more").find("more") != std::string::npos);
  net::any_listener listener = co_await kinds.server("stdio:").listen();
  CHECK(listener.local_address().empty());
  std::string end;
  auto accept_another = [&]() -> task<> {
    const auto other = co_await listener.accept().result();
    end = other ? "another" : other.error().message();
  };
  co_await with_nursery([&](nursery& n) -> task<> {
    net::any_pending_connection first = co_await listener.accept();
    CHECK(first.peer_address().empty());
    net::any_stream s = co_await first.establish();
    n.start(std::ref(accept_another));
    for (int i = 0; i != 10; ++i) co_await yield();
    CHECK(end.empty());
    co_await s.close();
  });
  CHECK(end.find("closed") != std::string::npos);
  net::any_listener closed = co_await kinds.server("stdio:").listen();
  co_await closed.close();
  const auto none = co_await closed.accept().result();
  CHECK(none.error() == errc::closed);
}
