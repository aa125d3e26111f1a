// SPDX-License-Identifier: MIT
// Unix streams through the public kit, and what only they can do. What they share with TCP is tested there.
#include <array>
#include <cstdint>
#include <fcntl.h>
#include <optional>
#include <string>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <wring/core/testing/cancel_everywhere.hpp>
#include <wring/core/testing/leak_check.hpp>
#include <wring/core/testing/run.hpp>
#include <wring/net/outbox.hpp>
#include <wring/net/serve.hpp>
#include <wring/net/tcp_listener.hpp>
#include <wring/net/testing/stream_conformance.hpp>
#include <wring/net/unix_listener.hpp>
#include <wring/net/unix_stream.hpp>

#include "support/tcp_support.hpp"
#include "support/temporary_folder.hpp"

namespace {

using namespace wring;
using namespace wring::tests;
using net::socket_address;

TEST_CASE("Unix streams keep the rules of streams, whether sends are batched or not", "[unix][conformance]") {
  const unsigned batch_sends_from = GENERATE(0U, scheduler_options().batch_sends_from);
  testing::run(
      []() -> task<> { co_await testing::check_stream([] { return net::socket_pair(); }, {.reports_abort = false}); },
      {.batch_sends_from = batch_sends_from});
}

TEST_CASE("they keep them with one small buffer, short queues and a tiny quota", "[unix][conformance]") {
  scheduler_options options;
  options.engine = {.queue_entries = 2, .completion_entries = 4, .buffers = {.count = 1, .size = 100, .initial = 1}};
  options.completions_per_turn = 1;
  options.batch_sends_from = GENERATE(0U, 16U);
  testing::run(
      []() -> task<> {
        co_await testing::check_stream(
            [] {
              auto pair = net::socket_pair();
              for (net::unix_stream* each : {&pair.first, &pair.second}) {
                each->set_receive_quota(1);
                each->set_send_buffer(1);
              }
              return pair;
            },
            {.reports_abort = false, .most_held = 1'000'000});
      },
      options);
}

TEST_CASE("a server on a Unix socket and its client can be cancelled wherever they wait", "[unix][conformance]") {
  const temporary_folder folder;
  const std::string path = folder / "server";
  const auto conversation = [&]() -> task<> {
    auto listener = co_await net::listen_unix(path);
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> {
        co_await net::serve(listener, [](net::unix_stream peer) -> task<> {
          while (const buffer_lease chunk = co_await peer.read_some()) co_await peer.write_all(chunk);
          co_await peer.close();
        });
      });
      net::unix_stream server = co_await net::connect_unix(path, {.timeout = 5s});
      co_await server.write_all("question");
      std::array<std::byte, 3> into{};
      for (std::size_t got = 0; got < 8;) got += co_await server.read(into);
      co_await server.shut_down_write();
      const buffer_lease end = co_await server.read_some();
      REQUIRE(end.empty());
      co_await server.close();
      co_await listener.close();
    });
  };
  const std::size_t points = testing::cancel_everywhere(conversation, {.real_time = true});
  REQUIRE(points > 8);
}

TEST_CASE("the ends of a pair have no names, and know whose they are", "[unix]") {
  run_net([]() -> task<> {
    const auto [near, far] = net::socket_pair();
    REQUIRE(near.peer_address().is_unnamed());
    REQUIRE(near.local_address().is_unnamed());
    for (const net::unix_stream* each : {&near, &far}) {
      const net::unix_credentials who = each->peer_credentials();
      REQUIRE(who.process == ::getpid());
      REQUIRE(who.user == ::getuid());
      REQUIRE(who.group == ::getgid());
    }
    co_return;
  });
}

TEST_CASE("a client sees the server's address, and both see whose the other one is", "[unix]") {
  const temporary_folder folder;
  const socket_address at = GENERATE_REF(socket_address::from_path(folder / "named"),
                                         socket_address::from_abstract_name("wring-unix-stream-test"));
  run_net([&]() -> task<> {
    auto listener = co_await net::listen_unix(at);
    const net::unix_stream near = co_await net::connect_unix(at);
    const net::unix_stream far = co_await listener.accept();
    REQUIRE(near.peer_address() == at);
    REQUIRE(far.local_address() == at);
    REQUIRE(far.peer_address().is_unnamed());
    REQUIRE(near.peer_credentials().process == ::getpid());
    REQUIRE(far.peer_credentials().user == ::getuid());
  });
}

TEST_CASE("the peer's name is kept when the connection is closed, and is in its errors", "[unix]") {
  const temporary_folder folder;
  const std::string path = folder / "named";
  run_net([&]() -> task<> {
    auto listener = co_await net::listen_unix(path);
    net::unix_stream near = co_await net::connect_unix(path);
    co_await near.close();
    REQUIRE(near.peer_address().path() == path);
    const auto refused = co_await near.write_all("x").result();
    REQUIRE(refused.error() == errc::closed);
    REQUIRE(refused.error().message().find("named") != std::string::npos);
    REQUIRE(message_of([&] { return near.peer_credentials(); }).find("closed on this side") != std::string::npos);
  });
}

TEST_CASE("connecting says what is wrong", "[unix]") {
  const temporary_folder folder;
  run_net([&]() -> task<> {
    const auto failure = [](socket_address to) -> task<std::string> {
      const auto outcome = co_await net::connect_unix(to).result();
      co_return outcome ? "no error" : outcome.error().message();
    };
    const std::string missing = co_await failure(socket_address::from_path(folder / "missing"));
    REQUIRE(missing.find("No such file or directory") != std::string::npos);
    const std::string abstract = co_await failure(socket_address("unix:@wring-nobody-listens-here"));
    REQUIRE(abstract.find("Connection refused") != std::string::npos);
    const std::string tcp = co_await failure(socket_address("127.0.0.1:80"));
    REQUIRE(tcp.find("Address family not supported") != std::string::npos);
    const auto late = co_await net::connect_unix("/x", {.timeout = 0s}).result();
    REQUIRE(late.error() == errc::timed_out);
    REQUIRE(message_of([] { return net::connect_unix(std::string(108, 'x')); }).find("at most 107 bytes") !=
            std::string::npos);
  });
}

TEST_CASE("a client waits while the backlog is full, until its timeout or there is room", "[unix][real_fd]") {
  const temporary_folder folder;
  const std::string path = folder / "full";
  run_net([&]() -> task<> {
    raw_socket listener = raw_socket::make(AF_UNIX);
    const socket_address at = socket_address::from_path(path);
    checked(::bind(listener.get(), at.data(), at.size()), "bind");
    checked(::listen(listener.get(), 0), "listen");
    net::unix_stream first = co_await net::connect_unix(path);
    const auto late = co_await net::connect_unix(path, {.timeout = 20ms}).result();
    REQUIRE(late.error() == errc::timed_out);
    std::optional<raw_socket> accepted;
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> {
        co_await sleep_for(5ms);
        accepted.emplace(listener.accepted());
      });
      const net::unix_stream second = co_await net::connect_unix(path);
      REQUIRE(second.is_open());
    });
    const testing::leak_check nothing_left;
    const auto again = co_await net::connect_unix(path, {.timeout = 5ms}).result();
  });
}

TEST_CASE("a Unix socket is taken over, and no other", "[unix][real_fd]") {
  run_net([]() -> task<> {
    std::array<int, 2> ends{};
    checked(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()), "socketpair");
    net::unix_stream near = net::unix_stream::adopt(ends[0]);
    net::unix_stream far = net::unix_stream::adopt(ends[1]);
    co_await near.write_all("through");
    const buffer_lease got = co_await far.read_some();
    REQUIRE(text_of(got) == "through");
    REQUIRE(message_of([&] { return net::tcp_stream::adopt(near.native_handle()); }).find("wrong type") !=
            std::string::npos);
    auto given = co_await near.release();
    REQUIRE(given.fd.get() >= 0);

    checked(::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends.data()), "socketpair");
    const raw_socket datagrams(ends[0]);
    const raw_socket other(ends[1]);
    REQUIRE(message_of([&] { return net::unix_stream::adopt(datagrams.get()); }).find("wrong type") !=
            std::string::npos);
    const connection tcp = make_connection();
    REQUIRE(message_of([&] { return net::unix_stream::adopt(tcp.peer.get()); }).find("wrong type") !=
            std::string::npos);
  });
}

TEST_CASE("what is posted is sent, and the peer's end is told", "[unix]") {
  run_net([]() -> task<> {
    auto [near, far] = net::socket_pair();
    co_await with_nursery([&](nursery& n) -> task<> {
      net::outbox box(near, n);
      box.post("one ");
      box.post("two");
      co_await box.drained();
    });
    const buffer_lease got = co_await far.read_some();
    REQUIRE(text_of(got) == "one two");
    far.abort();
    const buffer_lease end = co_await near.read_some();
    REQUIRE(end.empty());
  });
}

// Descriptors.

/// The file that a descriptor stands for.
std::pair<std::uint64_t, std::uint64_t> file_of(int fd) {
  struct ::stat found{};
  checked(::fstat(fd, &found), "fstat");
  return {found.st_dev, found.st_ino};
}

/// Of any engine: a descriptor to pass on.
net::descriptor some_descriptor() {
  return net::descriptor(scheduler::current().engine().open_socket(AF_INET, SOCK_DGRAM, 0));
}

raw_socket some_file() { return raw_socket(checked(::open("/dev/null", O_RDONLY | O_CLOEXEC), "open")); }

TEST_CASE("descriptors arrive with their byte, close-on-exec, in order", "[unix][descriptors][real_fd]") {
  run_net([]() -> task<> {
    auto [near, far] = net::socket_pair(3);
    const raw_socket file = some_file();
    const raw_socket other = raw_socket::make();
    const std::array<int, 2> two{file.get(), other.get()};
    co_await near.write_all("before", std::span(two));
    co_await near.write_all("after", std::span(two).first(1));
    REQUIRE(far.take_descriptor().get() < 0);
    std::array<std::byte, 1> byte{};
    const bool by_bytes = co_await far.read(byte) == 1;
    REQUIRE(by_bytes);
    const net::descriptor first = far.take_descriptor();
    const net::descriptor second = far.take_descriptor();
    REQUIRE(file_of(first.get()) == file_of(file.get()));
    REQUIRE(file_of(second.get()) == file_of(other.get()));
    REQUIRE(::fcntl(first.get(), F_GETFD) == FD_CLOEXEC);
    REQUIRE(far.take_descriptor().get() < 0);
    const buffer_lease rest = co_await far.read_some();
    REQUIRE(text_of(rest) == "efore");
    REQUIRE(far.take_descriptor().get() < 0);
    const buffer_lease next = co_await far.read_some();
    REQUIRE(text_of(next) == "after");
    REQUIRE(file_of(far.take_descriptor().get()) == file_of(file.get()));
  });
}

TEST_CASE("streams that receive descriptors keep the rules of streams", "[unix][descriptors][conformance]") {
  testing::run(
      []() -> task<> { co_await testing::check_stream([] { return net::socket_pair(2); }, {.reports_abort = false}); });
}

TEST_CASE("descriptors that nobody takes are closed with the stream, or at once where none are wanted",
          "[unix][descriptors]") {
  const unsigned most = GENERATE(0U, 4U);
  run_net([&]() -> task<> {
    const net::descriptor file = some_descriptor();
    const std::array<int, 2> two{file.get(), file.get()};
    const testing::leak_check nothing_left;
    {
      auto [near, far] = net::socket_pair(most);
      co_await near.write_all("taken", std::span(two));
      const buffer_lease got = co_await far.read_some();
      REQUIRE(text_of(got) == "taken");
      co_await near.write_all("not read", std::span(two));
      if (most == 0) REQUIRE(far.take_descriptor().get() < 0);
      co_await far.close();
      REQUIRE(far.take_descriptor().get() < 0);
    }
    co_await sleep_for(1ms);
  });
}

TEST_CASE("more descriptors than may be kept are an error, and closed", "[unix][descriptors]") {
  const bool at_once = GENERATE(true, false);
  run_net([&]() -> task<> {
    const net::descriptor file = some_descriptor();
    const std::array<int, 3> three{file.get(), file.get(), file.get()};
    const testing::leak_check nothing_left;
    {
      auto [near, far] = net::socket_pair(2);
      if (!at_once) {
        co_await near.write_all("1", std::span(three).first(2));
        static_cast<void>(co_await far.read_some());
      }
      co_await near.write_all("2", std::span(three).first(at_once ? 3 : 1));
      const auto failed = co_await far.read_some().result();
      REQUIRE(!failed);
      REQUIRE(failed.error().message().find("more descriptors have come than .descriptors allows") !=
              std::string::npos);
      const auto again = co_await far.read_some().result();
      REQUIRE(again.error().code() == failed.error().code());
    }
    co_await sleep_for(1ms);
  });
}

TEST_CASE("descriptors need a byte, and are 253 at most", "[unix][descriptors]") {
  run_net([]() -> task<> {
    auto [near, far] = net::socket_pair(253);
    const net::descriptor file = some_descriptor();
    const std::vector<int> many(254, file.get());
    REQUIRE(message_of([&] {
              static_cast<void>(near.write_all("", std::span(many).first(1)));
            }).find("without a byte") != std::string::npos);
    REQUIRE(message_of([&] { static_cast<void>(near.write_all("x", many)); }).find("253") != std::string::npos);
    REQUIRE(message_of([] { static_cast<void>(net::socket_pair(254)); }).find("253") != std::string::npos);
    co_await near.write_all("x", std::span(many).first(253));
    static_cast<void>(co_await far.read_some());
    std::size_t count = 0;
    while (far.take_descriptor().get() >= 0) ++count;
    REQUIRE(count == 253);
  });
}

TEST_CASE("descriptors go with the first of many bytes, to accepted streams too", "[unix][descriptors][real_fd]") {
  const socket_address at("unix:@wring-unix-descriptors-test");
  run_net([&]() -> task<> {
    auto listener = co_await net::listen_unix(at, {.descriptors = 1});
    net::unix_stream near = co_await net::connect_unix(at);
    net::unix_stream far = co_await listener.accept();
    const raw_socket file = some_file();
    const std::string much = pattern(3'000'000);
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> {
        const std::array<int, 1> one{file.get()};
        co_await near.write_all(much, one);
        co_await near.shut_down_write();
      });
      std::string all;
      while (const buffer_lease chunk = co_await far.read_some()) {
        if (all.empty()) REQUIRE(file_of(far.take_descriptor().get()) == file_of(file.get()));
        REQUIRE(far.take_descriptor().get() < 0);
        all += text_of(chunk);
      }
      REQUIRE(all == much);
    });
  });
}

TEST_CASE("a listening socket is handed over, and no connection is lost", "[unix][descriptors]") {
  run_net([]() -> task<> {
    auto [old_process, new_process] = net::socket_pair(1);
    net::tcp_listener old_listener = co_await net::listen_tcp({.address = net::ip_address::loopback_v4});
    const socket_address at = old_listener.local_address();
    const std::array<int, 1> given{old_listener.native_handle()};
    co_await old_process.write_all("listener", given);
    const buffer_lease message = co_await new_process.read_some();
    net::descriptor taken = new_process.take_descriptor();
    net::tcp_listener new_listener = net::tcp_listener::adopt(taken.get());
    static_cast<void>(taken.release());
    REQUIRE(new_listener.local_address() == at);

    std::vector<net::tcp_stream> clients;
    for (int i = 0; i != 10; ++i) clients.push_back(co_await net::connect_tcp(at));
    co_await old_listener.drain();
    for (int i = 0; i != 10; ++i) clients.push_back(co_await net::connect_tcp(at));
    std::size_t served = 0;
    for (;;) {
      const auto accepted = co_await old_listener.accept().result();
      if (!accepted) break;
      ++served;
    }
    for (; served != clients.size(); ++served) static_cast<void>(co_await new_listener.accept());
  });
}

TEST_CASE("passing descriptors can be cancelled wherever it waits", "[unix][descriptors]") {
  const auto conversation = []() -> task<> {
    const net::descriptor file = some_descriptor();
    const std::array<int, 1> one{file.get()};
    auto [near, far] = net::socket_pair(1);
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> {
        co_await yield();
        co_await near.write_all("x", one);
      });
      const buffer_lease got = co_await far.read_some();
      REQUIRE(text_of(got) == "x");
    });
    REQUIRE(far.take_descriptor().get() >= 0);
    co_await near.close();
    co_await far.close();
  };
  REQUIRE(testing::cancel_everywhere(conversation, {.real_time = true}) > 2);
}

}  // namespace
