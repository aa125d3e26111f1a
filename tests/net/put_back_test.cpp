// SPDX-License-Identifier: MIT
// What reads and accepts have taken when their group ends without delivering it.

#include <array>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/cancel_scope.hpp>
#include <wring/core/when_all.hpp>
#include <wring/core/when_any.hpp>
#include <wring/net/memory_stream.hpp>
#include <wring/net/reader.hpp>
#include <wring/net/stream.hpp>

#include "support/tcp_support.hpp"
#include "support/waits.hpp"

namespace {

using namespace wring;
using namespace wring::tests;

/// A callable by reference, so that what takes many of them is compiled once. The callable must outlive it.
template <class Result>
class call_ref {
 public:
  template <class Callable>
    requires(!std::same_as<std::remove_cvref_t<Callable>, call_ref>)
  call_ref(Callable&& callable) noexcept  // NOLINT(google-explicit-constructor)
      : object_(const_cast<void*>(static_cast<const void*>(&callable))),
        call_([](void* object) -> Result { return (*static_cast<std::remove_reference_t<Callable>*>(object))(); }) {}
  Result operator()() const { return call_(object_); }

 private:
  void* object_;
  Result (*call_)(void*);
};

/// Awaits what `make()` returns in a task that is cancelled once `taken()`.
task<> cancelled_when(call_ref<task<>> make, call_ref<bool> taken) {
  cancel_scope scope;
  auto in_scope = [&]() -> task<> {
    auto whole = [&]() -> task<> { co_await make(); };
    const bool finished = co_await scope.run(whole);
    CHECK_FALSE(finished);
  };
  co_await with_nursery([&](nursery& n) -> task<> {
    n.start(std::ref(in_scope));
    co_await until(taken);
    for (int i = 0; i != 10; ++i) co_await yield();
    scope.cancel();
  });
}

task<> cancelled(call_ref<task<>> make) {
  auto at_once = [] { return true; };
  co_await cancelled_when(make, at_once);
}

/// Reads `count` bytes of what has come.
template <class Stream>
task<std::string> next(Stream& from, std::size_t count) {
  std::string text;
  while (text.size() < count) {
    std::array<std::byte, 64> bytes;
    const std::size_t got = co_await from.read(std::span(bytes).first(std::min(bytes.size(), count - text.size())));
    if (got == 0) break;
    text += text_of(std::span(bytes).first(got));
  }
  co_return text;
}

}  // namespace

TEST_CASE("bytes of a TCP stream that nobody was given are there for the next read", "[put_back][tcp][real_fd]") {
  run_net([]() -> task<> {
    connection c = make_connection();
    std::array<std::byte, 4> four;
    c.peer.send("one two three");
    co_await a_moment();
    // The first read is one of its own, the others get what came through the multishot receive.
    co_await cancelled_when([&]() -> task<> { co_await when_all(c.stream.read(four), tests::forever()); },
                            [] { return true; });
    co_await cancelled([&]() -> task<> { co_await when_all(c.stream.read_some(), tests::forever()); });
    co_await cancelled([&]() -> task<> { co_await when_all(c.stream.read(four), tests::forever()); });
    co_await cancelled(
        [&]() -> task<> { co_await when_all(with_timeout(1h, c.stream.read(four)).result(), tests::forever()); });
    const std::string all = co_await next(c.stream, 13);
    CHECK(all == "one two three");

    c.peer.send("and the end");
    c.peer.shut_down_write();
    co_await a_moment();
    co_await cancelled([&]() -> task<> { co_await when_all(c.stream.read_some(), tests::forever()); });
    const std::string rest = co_await next(c.stream, 100);
    CHECK(rest == "and the end");
  });
}

TEST_CASE("a task that reads meanwhile gets bytes that come back first", "[put_back][tcp][real_fd]") {
  run_net([]() -> task<> {
    for (const bool later : {false, true}) {
      for (const bool by_lease : {false, true}) {
        CAPTURE(later, by_lease);
        connection c = make_connection();
        cancel_scope scope;
        auto take = [&]() -> task<> {
          const auto got = co_await scope.run(when_all(c.stream.read_some(), tests::forever()));
          CHECK_FALSE(got);
        };
        std::string text;
        auto read = [&]() -> task<> {
          while (text.size() < (later ? 6 : 3)) {
            if (by_lease) {
              const auto chunk = co_await c.stream.read_some();
              text += text_of(chunk);
            } else {
              std::array<std::byte, 64> bytes;
              const std::size_t got = co_await c.stream.read(bytes);
              text += text_of(std::span(bytes).first(got));
            }
          }
        };
        co_await with_nursery([&](nursery& n) -> task<> {
          n.start(std::ref(take));
          co_await a_moment();
          c.peer.send("one");
          co_await a_moment();
          n.start(std::ref(read));
          co_await a_moment();
          if (later) c.peer.send("two");  // in the same turn as the cancellation
          scope.cancel();
        });
        CHECK(text == (later ? "onetwo" : "one"));
      }
    }
  });
}

TEST_CASE("a closed stream drops what comes back", "[put_back][tcp][real_fd]") {
  run_net([]() -> task<> {
    connection c = make_connection();
    c.peer.send("one");
    co_await a_moment();
    auto close = [&]() -> task<> {
      co_await a_moment();
      co_await c.stream.close();
      co_await tests::forever();
    };
    co_await cancelled_when([&]() -> task<> { co_await when_all(c.stream.read_some(), close); },
                            [&] { return !c.stream.is_open(); });
    const auto after = co_await c.stream.read_some().result();
    CHECK(after.error() == errc::closed);
  });
}

TEST_CASE("bytes of a memory stream that nobody was given are there for the next read", "[put_back][memory_stream]") {
  run_net([]() -> task<> {
    auto [a, b] = net::make_memory_stream_pair({.capacity = 8});
    std::array<std::byte, 5> five;
    co_await a.write_all("12345678");
    co_await cancelled([&]() -> task<> { co_await when_all(b.read(five), tests::forever()); });
    CHECK(b.unread() == 8);
    auto refill = [&, &from = a]() -> task<> {
      co_await from.write_all("9abcd");  // takes the room of what was taken
      co_await tests::forever();
    };
    co_await cancelled([&, &to = b]() -> task<> { co_await when_all(to.read(five), refill); });
    CHECK(b.unread() == 13);
    co_await cancelled([&, &to = b]() -> task<> { co_await when_all(to.read_some(), tests::forever()); });
    co_await a.shut_down_write();
    const std::string all = co_await next(b, 100);
    CHECK(all == "123456789abcd");
  });
}

TEST_CASE("streams of any type take back what nobody was given", "[put_back][stream][real_fd]") {
  run_net([]() -> task<> {
    auto pair = net::make_memory_stream_pair();
    connection c = make_connection();
    c.peer.send("some bytes");
    co_await pair.first.write_all("some bytes");
    co_await a_moment();
    net::any_stream owned(std::move(pair.second));
    for (const net::stream_ref s : {net::stream_ref(c.stream), net::stream_ref(owned)}) {
      std::array<std::byte, 4> four;
      co_await cancelled([&]() -> task<> { co_await when_all(s.read(four), tests::forever()); });
      co_await cancelled([&]() -> task<> { co_await when_all(s.read_some().result(), tests::forever()); });
      auto delayed = [&]() -> task<> {
        co_await cancelled([&]() -> task<> { co_await when_all(s.read(four), tests::forever()); });
      };
      co_await delayed();
      const std::string all = co_await next(s, 10);
      CHECK(all == "some bytes");
    }
  });
}

TEST_CASE("a connection that nobody was given is the next one to be accepted", "[put_back][tcp][real_fd]") {
  run_net([]() -> task<> {
    auto listener = co_await net::listen_tcp({.address = net::ip_address::loopback_v4});
    auto connections = listener.connections();
    raw_socket first = raw_socket::connected_to(listener.local_address());
    raw_socket second = raw_socket::connected_to(listener.local_address());
    first.send("1");
    second.send("2");
    co_await a_moment();
    co_await cancelled([&]() -> task<> { co_await when_all(listener.accept(), tests::forever(), connections.next()); });
    co_await cancelled([&]() -> task<> { co_await when_all(when_any(listener.accept().result()), tests::forever()); });
    std::string text;
    for (int i = 0; i != 2; ++i) {
      auto accepted = co_await with_timeout(1s, listener.accept());
      CHECK(accepted.is_open());
      const auto chunk = co_await accepted.read_some();
      text += text_of(chunk);
      co_await accepted.write_all(chunk);
      co_await accepted.close();
    }
    CHECK(text == "12");
    const std::string echo = co_await second.receive_all();
    CHECK(echo == "2");

    // One who waits gets it.
    std::optional<net::tcp_stream> got;
    auto late = [&]() -> task<> {
      co_await a_moment();
      got = co_await connections.next();
    };
    raw_socket third = raw_socket::connected_to(listener.local_address());
    cancel_scope scope;
    auto take = [&]() -> task<> {
      const auto taken = co_await scope.run(when_all(connections.next(), tests::forever()));
      CHECK_FALSE(taken);
    };
    auto cancel = [&]() -> task<> {
      co_await a_moment();
      co_await a_moment();
      co_await a_moment();
      CHECK_FALSE(got);
      scope.cancel();
    };
    co_await when_all(take, late, cancel);
    CHECK(got);

    // A closed listener closes it, as it does those that nobody has accepted.
    raw_socket fourth = raw_socket::connected_to(listener.local_address());
    co_await a_moment();
    auto close = [&]() -> task<> {
      co_await a_moment();
      co_await listener.close();
      co_await tests::forever();
    };
    co_await cancelled_when([&]() -> task<> { co_await when_all(listener.accept(), close); },
                            [&] { return !listener.is_open(); });
    const std::string nothing = co_await fourth.receive_all();
    CHECK(nothing.empty());
  });
}

TEST_CASE("what a reader has given to nobody is in its buffer again", "[put_back][reader]") {
  run_net([]() -> task<> {
    enum class beginning { buffered, line, part, whole };
    for (const beginning from : {beginning::buffered, beginning::line, beginning::part, beginning::whole}) {
      CAPTURE(from);
      auto [a, b] = net::make_memory_stream_pair();
      net::reader in(b);
      const std::string text = "first line\r\nsecond line\nkey: value\n" + pattern(10'000);
      std::vector<std::byte> memory(8);
      std::vector<std::byte> large(9000);
      if (from == beginning::buffered) {
        co_await a.write_all(text);
        co_await in.peek(text.size());
      }
      auto write = [&, &to = a]() -> task<> {
        co_await yield();
        co_await to.write_all(text);
      };
      auto trial = [&](auto make) -> task<> {
        auto taken = [&]() -> task<> { co_await when_all(make(), tests::forever()); };
        if (in.buffered().empty()) {
          co_await when_all(write, [&] { return cancelled(taken); });
        } else {
          co_await cancelled(taken);
        }
      };
      auto line = [&] { return in.read_line(); };
      auto word = [&] { return in.read_until(": ", 100); };
      auto block = [&] { return in.read_exactly(20); };
      auto peek = [&] { return in.peek(20); };
      auto part = [&] { return in.read(memory); };
      auto whole = [&] { return in.read_exactly(std::span(memory)); };
      auto direct = [&] { return in.read_exactly(large); };
      auto chunk = [&] { return in.read_some(); };
      if (from == beginning::part) co_await trial(part);
      if (from == beginning::whole) co_await trial(direct);
      co_await trial(line);
      co_await trial(line);
      co_await trial(word);
      co_await trial(block);
      co_await trial(peek);
      co_await trial(part);
      co_await trial(whole);
      co_await trial(direct);
      co_await trial(chunk);
      const auto first = co_await in.read_line();
      CHECK(first == "first line");
      co_await trial(line);
      co_await trial(part);
      const auto second = co_await in.read_line();
      CHECK(second == "second line");
      const auto rest = co_await in.read_exactly(text.size() - 24);
      CHECK(text_of(rest) == std::string_view(text).substr(24));
      CHECK(in.buffered().empty());
      co_await a.shut_down_write();
      auto end = [&] { return in.read_line(); };
      co_await cancelled([&]() -> task<> { co_await when_all(end(), tests::forever()); });
      const auto none = co_await in.read_line();
      CHECK_FALSE(none);
    }
  });
}
