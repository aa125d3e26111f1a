// SPDX-License-Identifier: MIT
#include <array>
#include <csignal>
#include <cstdio>
#include <fcntl.h>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/nursery.hpp>
#include <wring/core/readiness.hpp>
#include <wring/core/run.hpp>
#include <wring/core/testing/cancel_everywhere.hpp>
#include <wring/core/testing/leak_check.hpp>
#include <wring/net/listener_handover.hpp>
#include <wring/net/serve.hpp>

#include "support/captured_log.hpp"
#include "support/in_child.hpp"
#include "support/tcp_support.hpp"
#include "support/temporary_folder.hpp"

namespace {

using namespace wring;
using namespace wring::tests;
using net::socket_address;
using testing::leak_check;
namespace fs = std::filesystem;

constexpr net::tcp_listen_options on_loopback{.address = net::ip_address::loopback_v4};

/// One process of a service: takes the listener over or makes it, serves, hands it over in its turn. It answers every
/// byte with `mark`.
task<> serve_in_turn(std::string at, std::uint16_t port, char mark) {
  net::taken_listeners taken = co_await net::take_listeners(at);
  net::tcp_listener listener;
  if (taken) {
    listener = taken.find("echo")->take_tcp_listener();
  } else {
    listener = co_await net::listen_tcp({.address = net::ip_address::loopback_v4, .port = port});
  }
  co_await taken.confirm();
  net::listener_handover handover(at);
  handover.add("echo", listener);
  auto answer = [mark](net::tcp_stream peer) -> task<> {
    while (const auto chunk = co_await peer.read_some()) {
      const std::string text(chunk.size(), mark);
      co_await peer.write_all(text);
    }
  };
  co_await with_nursery([&](nursery& n) -> task<> {
    n.start([&]() -> task<> {
      const bool replaced = co_await handover.offer();
      if (replaced) scheduler::current().request_stop();
    });
    co_await net::serve(listener, std::ref(answer));
  });
}

::pid_t start_process(const std::string& at, std::uint16_t port, char mark) {
  const ::pid_t child = checked(::fork(), "fork");
  if (child != 0) return child;
  std::signal(SIGTERM, SIG_DFL);
  int code = 1;
  try {
    code = wring::run([&] { return serve_in_turn(at, port, mark); });
  } catch (const std::exception& e) {
    std::fprintf(stderr, "%c: %s\n", mark, e.what());
  }
  ::_exit(code);
}

/// One connection that is used and closed. What answers it, or '-' for a fault.
char visit(const socket_address& server) {
  const raw_socket s(::socket(server.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
  const ::timeval limit{.tv_sec = 10, .tv_usec = 0};
  ::setsockopt(s.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  char byte = 'x';
  if (::connect(s.get(), server.data(), server.size()) != 0) return '-';
  if (::send(s.get(), &byte, 1, MSG_NOSIGNAL) != 1 || ::recv(s.get(), &byte, 1, 0) != 1) return '-';
  return byte;
}

int exit_of(::pid_t process) {
  int status = 0;
  checked(::waitpid(process, &status, 0), "waitpid");
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// Each generation is a process of its own. The clients know nothing of it: they connect all the time, several at once.
TEST_CASE("a service is replaced under load, twice, and no connection is lost", "[handover][real_fd]") {
  const temporary_folder folder;
  const std::string at = folder / "handover";
  // A port that is free; it is not held meanwhile, as the first process binds it.
  const socket_address server = [] {
    const raw_socket s = raw_socket::make(AF_INET);
    const socket_address any(net::ip_address::loopback_v4, 0);
    checked(::bind(s.get(), any.data(), any.size()), "bind");
    return s.address();
  }();
  std::array<int, 2> answers{};
  checked(::pipe2(answers.data(), O_CLOEXEC), "pipe2");

  std::vector<::pid_t> services{start_process(at, server.port(), '1')};
  while (visit(server) == '-') ::usleep(1000);

  // Clients in processes of their own, which report every answer until they are ended.
  std::vector<::pid_t> clients;
  for (int i = 0; i != 3; ++i) {
    const ::pid_t client = checked(::fork(), "fork");
    if (client == 0) {
      ::close(answers[0]);
      for (;;) {
        const char answer = visit(server);
        if (::write(answers[1], &answer, 1) != 1) ::_exit(0);
      }
    }
    clients.push_back(client);
  }
  ::close(answers[1]);

  std::array<int, 256> seen{};
  const auto read_until = [&](char mark, int count) {
    for (int found = 0; found != count;) {
      char answer = '-';
      if (::read(answers[0], &answer, 1) != 1) return false;
      ++seen.at(static_cast<unsigned char>(answer));
      if (answer == mark) ++found;
    }
    return true;
  };
  bool answered = read_until('1', 100);
  int first_end = -1;
  for (const char mark : {'2', '3'}) {
    services.push_back(start_process(at, server.port(), mark));
    answered = answered && read_until(mark, 100);
    if (mark == '2') first_end = exit_of(services[0]);
  }
  const int second_end = exit_of(services[1]);
  answered = answered && read_until('3', 100);
  ::close(answers[0]);
  for (const ::pid_t client : clients) {
    ::kill(client, SIGKILL);
    static_cast<void>(exit_of(client));
  }
  ::kill(services[2], SIGTERM);
  const int third_end = exit_of(services[2]);

  REQUIRE(answered);
  REQUIRE(seen['-'] == 0);
  REQUIRE(first_end == 0);
  REQUIRE(second_end == 0);
  REQUIRE(third_end == 0);
  REQUIRE(!fs::exists(at));
}

TEST_CASE("listeners are handed over by name, with the files of Unix sockets", "[handover][real_fd]") {
  const temporary_folder folder;
  run_net([&]() -> task<> {
    const leak_check leaks;
    {
      net::tcp_listener tcp = co_await net::listen_tcp(on_loopback);
      net::unix_listener local = co_await net::listen_unix(folder / "service");
      net::tcp_listener closed = co_await net::listen_tcp(on_loopback);
      net::listener_handover handover(folder / "handover");
      handover.add("tcp", tcp);
      handover.add("local", local);
      handover.add("closed", closed);
      REQUIRE_THROWS_AS(handover.add("tcp", tcp), std::invalid_argument);
      REQUIRE_THROWS_AS(handover.add("", tcp), std::invalid_argument);
      REQUIRE_THROWS_AS(handover.add("a\nb", tcp), std::invalid_argument);
      co_await closed.close();
      bool replaced = false;
      net::tcp_listener next_tcp;
      net::unix_listener next_local;
      co_await with_nursery([&](nursery& n) -> task<> {
        n.start([&]() -> task<> { replaced = co_await handover.offer(); });
        net::taken_listeners taken;
        while (!taken) taken = co_await net::take_listeners(folder / "handover");
        REQUIRE(taken.all().size() == 2);
        REQUIRE(taken.find("closed") == nullptr);
        REQUIRE(taken.find("tcp")->address == tcp.local_address());
        next_tcp = taken.find("tcp")->take_tcp_listener();
        next_local = taken.find("local")->take_unix_listener();
        REQUIRE(taken.find("tcp") == nullptr);
        REQUIRE((::fcntl(next_tcp.native_handle(), F_GETFD) & FD_CLOEXEC) != 0);
        co_await taken.confirm();
        REQUIRE(!taken);
        REQUIRE(!fs::exists(folder / "handover"));
      });
      REQUIRE(replaced);
      co_await tcp.close();
      co_await local.close();
      REQUIRE(fs::exists(folder / "service"));
      net::tcp_stream client = co_await net::connect_tcp(next_tcp.local_address());
      net::tcp_stream accepted = co_await next_tcp.accept();
      co_await client.close();
      co_await accepted.close();
      net::unix_stream local_client = co_await net::connect_unix(folder / "service");
      net::unix_stream local_accepted = co_await next_local.accept();
      co_await local_client.close();
      co_await local_accepted.close();
      co_await next_tcp.close();
      co_await next_local.close();
    }
    REQUIRE(leaks.check() == "");
  });
}

TEST_CASE("a successor that fails changes nothing", "[handover][real_fd]") {
  const temporary_folder folder;
  const captured_log quiet;
  run_net([&]() -> task<> {
    const std::string at = folder / "handover";
    net::tcp_listener listener = co_await net::listen_tcp(on_loopback);
    net::listener_handover handover(at, {.timeout = 20ms});
    handover.add("it", listener);
    co_await with_nursery([&](nursery& n) -> task<> {
      bool replaced = false;
      n.start([&]() -> task<> { replaced = co_await handover.offer(); });
      while (!fs::exists(at)) co_await sleep_for(1ms);
      {
        // It ends before it serves.
        const net::taken_listeners taken = co_await net::take_listeners(at);
        REQUIRE(taken);
      }
      {
        // It speaks another protocol.
        net::unix_stream other = co_await net::connect_unix(at);
        co_await other.write_all("GET / HTTP/1.1\r\n\r\n");
        while (const auto chunk = co_await other.read_some().result()) {
          if (chunk->empty()) break;
        }
      }
      {
        // It is stuck: the offer is for others after a while.
        net::taken_listeners stuck = co_await net::take_listeners(at);
        co_await sleep_for(40ms);
        const auto late = co_await stuck.confirm().result();
        REQUIRE(!late);
      }
      REQUIRE(!replaced);
      REQUIRE(listener.is_open());
      net::taken_listeners taken = co_await net::take_listeners(at);
      co_await taken.confirm();
      co_await yield();
      REQUIRE(replaced);
    });
  });
}

TEST_CASE("a hand-over can be cancelled wherever one of its sides waits", "[handover][real_fd][real_time]") {
  const temporary_folder folder;
  const captured_log quiet;
  const std::string at = folder / "handover";
  const auto conversation = [&]() -> task<> {
    net::tcp_listener listener = co_await net::listen_tcp(on_loopback);
    net::unix_listener local = co_await net::listen_unix(folder / "service");
    net::listener_handover handover(at);
    handover.add("tcp", listener);
    handover.add("local", local);
    bool replaced = false;
    net::tcp_listener next;
    net::unix_listener next_local;
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> { replaced = co_await handover.offer(); });
      net::taken_listeners taken;
      while (!taken) taken = co_await net::take_listeners(at);
      next = taken.find("tcp")->take_tcp_listener();
      next_local = taken.find("local")->take_unix_listener();
      co_await taken.confirm();
    });
    REQUIRE(replaced);
    co_await listener.close();
    co_await local.close();
    net::tcp_stream client = co_await net::connect_tcp(next.local_address());
    net::tcp_stream accepted = co_await next.accept();
    co_await accepted.close();
    co_await client.close();
    co_await next.close();
    co_await next_local.close();
  };
  REQUIRE(testing::cancel_everywhere(conversation, {.real_time = true}) > 8);
  REQUIRE(!fs::exists(at));
}

TEST_CASE("nobody offers, or what is there is something else", "[handover][real_fd]") {
  const temporary_folder folder;
  run_net([&]() -> task<> {
    const net::taken_listeners none = co_await net::take_listeners(folder / "nothing");
    REQUIRE(!none);
    {
      const raw_socket killed = raw_socket::make(AF_UNIX);
      const socket_address path = socket_address::from_path(folder / "stale");
      checked(::bind(killed.get(), path.data(), path.size()), "bind");
    }
    net::taken_listeners stale = co_await net::take_listeners(folder / "stale");
    REQUIRE(!stale);
    co_await stale.confirm();

    net::unix_listener other = co_await net::listen_unix(folder / "other");
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> {
        net::unix_stream peer = co_await other.accept();
        co_await peer.write_all("220 mail.example.com ESMTP\r\n");
        peer = co_await other.accept();
        co_await peer.write_all("wring-handover 1\nname without a socket\n");
        peer = co_await other.accept();
        co_await peer.write_all("wring-handover 1\n");
      });
      for (int i = 0; i != 3; ++i) {
        const auto taken = co_await net::take_listeners(folder / "other").result();
        REQUIRE(!taken);
      }
    });
    const auto silent = co_await net::take_listeners(folder / "other", {.timeout = 5ms}).result();
    REQUIRE(silent.error() == errc::timed_out);
    REQUIRE_THROWS_AS(net::listener_handover(folder / "x", {.timeout = duration()}), std::invalid_argument);
  });
}

TEST_CASE("a predecessor that ends before it has offered anything is asked again", "[handover][real_fd]") {
  const temporary_folder folder;
  run_net([&]() -> task<> {
    SECTION("one that was killed, whose socket the kernel has not closed yet") {
      auto dying = std::make_optional(raw_socket::make(AF_UNIX));
      const socket_address path = socket_address::from_path(folder / "dying");
      checked(::bind(dying->get(), path.data(), path.size()), "bind");
      checked(::listen(dying->get(), 8), "listen");
      co_await with_nursery([&](nursery& n) -> task<> {
        n.start([&]() -> task<> {
          co_await readable(dying->get());
          dying.reset();
        });
        const net::taken_listeners taken = co_await net::take_listeners(folder / "dying");
        REQUIRE(!taken);
      });
    }
    SECTION("one that stops, and one that takes its place") {
      net::unix_listener door = co_await net::listen_unix(folder / "handover");
      net::tcp_listener listener = co_await net::listen_tcp(on_loopback);
      net::listener_handover handover(folder / "handover");
      handover.add("echo", listener);
      co_await with_nursery([&](nursery& n) -> task<> {
        n.start([&]() -> task<> {
          net::unix_stream peer = co_await door.accept();
          co_await peer.close();
          co_await door.close();
          const bool replaced = co_await handover.offer();
          REQUIRE(replaced);
        });
        net::taken_listeners taken;
        while (!taken) taken = co_await net::take_listeners(folder / "handover");
        REQUIRE(taken.find("echo") != nullptr);
        co_await taken.confirm();
      });
    }
    SECTION("not for ever") {
      net::unix_listener door = co_await net::listen_unix(folder / "door");
      co_await with_nursery([&](nursery& n) -> task<> {
        n.start([&]() -> task<> {
          for (;;) {
            net::unix_stream peer = co_await door.accept();
            co_await peer.close();
          }
        });
        const auto taken = co_await net::take_listeners(folder / "door", {.timeout = 20ms}).result();
        REQUIRE(taken.error() == errc::timed_out);
        n.cancel();
      });
    }
  });
}

TEST_CASE("a program that is asked to stop offers no more", "[handover][real_fd]") {
  const temporary_folder folder;
  run_net([&]() -> task<> {
    net::tcp_listener listener = co_await net::listen_tcp(on_loopback);
    net::listener_handover handover(folder / "handover");
    handover.add("it", listener);
    bool replaced = true;
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> { replaced = co_await handover.offer(); });
      co_await sleep_for(1ms);
      scheduler::current().request_stop();
    });
    REQUIRE(!replaced);
    REQUIRE(!fs::exists(folder / "handover"));
  });
}

TEST_CASE("other users' processes are not talked to", "[handover][real_fd]") {
  if (::geteuid() != 0) SKIP("needs root, to become another user");
  const temporary_folder folder;
  fs::permissions(fs::path(folder / "").parent_path(), fs::perms::all);
  const std::string at = folder / "handover";
  std::array<int, 2> ready{};
  checked(::pipe2(ready.data(), O_CLOEXEC), "pipe2");
  // A service of nobody's: root may take from it, and does not trust it; nor does it talk to nobody.
  const auto end = in_child([&] {
    run_net([&]() -> task<> {
      net::tcp_listener listener = co_await net::listen_tcp(on_loopback);
      net::listener_handover handover(at, {.mode = 0666});
      handover.add("it", listener);
      co_await with_nursery([&](nursery& n) -> task<> {
        n.start([&]() -> task<> { static_cast<void>(co_await handover.offer()); });
        while (!fs::exists(at)) co_await sleep_for(1ms);
        const ::pid_t stranger = ::fork();
        if (stranger == 0) {
          if (!become_nobody()) ::_exit(2);
          const raw_socket s = raw_socket::make(AF_UNIX);
          const socket_address to = socket_address::from_path(at);
          char byte = 0;
          if (::connect(s.get(), to.data(), to.size()) != 0) ::_exit(3);
          ::_exit(::recv(s.get(), &byte, 1, 0) == 0 ? 0 : 4);
        }
        int status = -1;
        while (::waitpid(stranger, &status, WNOHANG) == 0) co_await sleep_for(1ms);
        if (status != 0) throw std::runtime_error("the stranger was told something");
        scheduler::current().request_stop();
      });
    });
  });
  REQUIRE(end.report.find("stranger was told") == std::string::npos);
  REQUIRE(end.clean);
}

}  // namespace
