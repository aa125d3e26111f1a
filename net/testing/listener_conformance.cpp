// SPDX-License-Identifier: MIT
#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <wring/core/cancel_scope.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/sleep.hpp>
#include <wring/core/timeout.hpp>
#include <wring/net/tcp_stream.hpp>
#include <wring/net/testing/detail/stream_rules.hpp>
#include <wring/net/testing/listener_conformance.hpp>
#include <wring/net/unix_stream.hpp>

namespace wring::net::detail {

namespace {

struct listener_rule {
  std::string_view name;
  task<> (*check)(any_listener& listener, const listener_check& check);
};

/// A client that does nothing.
task<any_stream> reach(socket_address where) {
  if (where.is_unix()) {
    unix_stream client = co_await connect_unix(where);
    co_return any_stream(std::move(client));
  }
  tcp_stream client = co_await connect_tcp(where);
  co_return any_stream(std::move(client));
}

socket_address local_address_of(const any_stream& client) {
  if (const auto* const tcp = client.target<tcp_stream>()) return tcp->local_address();
  return client.target<unix_stream>()->local_address();
}

/// Accepts and establishes a connection.
task<any_stream> establish_next(any_listener& listener) {
  auto pending = co_await listener.accept();
  co_return co_await pending.establish();
}

/// Both ends of a new connection.
task<testing::stream_pair> connected(any_listener& listener, const listener_check& check) {
  testing::stream_pair ends;
  co_await with_nursery([&](nursery& n) -> task<> {
    n.start([&]() -> task<> { ends.first = co_await establish_next(listener); });
    const socket_address to = listener.local_address();
    ends.second = co_await check.connect(to);
  });
  co_return std::move(ends);
}

task<> carries_bytes(any_listener& listener, const listener_check& check) {
  for (int round = 0; round != 3; ++round) {
    testing::stream_pair ends = co_await connected(listener, check);
    for (const bool back : {false, true}) {
      const stream_ref from(back ? ends.first : ends.second);
      const stream_ref to(back ? ends.second : ends.first);
      co_await send_pattern(from, 0, 1000, 300);
      co_await receive_pattern(to, 0, 1000, read_style::mixed, 70);
    }
    co_await ends.second.close();
    co_await ends.first.close();
  }
}

task<> accepts_silence(any_listener& listener, const listener_check&) {
  const socket_address where = listener.local_address();
  any_stream client = co_await reach(where);
  {
    auto pending = co_await listener.accept();
    if (pending.peer_address() != local_address_of(client)) {
      throw testing::check_failed(
          fmt::format("a connection from {} is said to be from {}", local_address_of(client), pending.peer_address()));
    }
  }
  for (;;) {  // a greeting may have come
    const auto chunk = co_await client.read_some().result();
    if (!chunk || chunk->empty()) break;
  }
}

task<> silence_delays_nobody(any_listener& listener, const listener_check& check) {
  const socket_address where = listener.local_address();
  any_stream silent = co_await reach(where);
  auto first = co_await listener.accept();
  cancel_scope scope;
  co_await with_nursery([&](nursery& n) -> task<> {
    n.start([&]() -> task<> { static_cast<void>(co_await scope.run(first.establish())); });
    testing::stream_pair ends = co_await connected(listener, check);
    co_await send_pattern(ends.second, 0, 10, 10);
    co_await receive_pattern(ends.first, 0, 10, read_style::mixed, 10);
    scope.cancel();
  });
}

task<> establishes_in_no_cancelled_scope(any_listener& listener, const listener_check&) {
  const socket_address where = listener.local_address();
  any_stream client = co_await reach(where);
  auto pending = co_await listener.accept();
  cancel_scope scope;
  scope.cancel();
  const auto stream = co_await scope.run(pending.establish());
  expect(!stream, "establish in a cancelled scope ran");
}

task<> cancelled_accepts(any_listener& listener, const listener_check&) {
  constexpr unsigned rounds = 60;
  const socket_address where = listener.local_address();
  std::vector<any_stream> clients;
  std::size_t accepted = 0;
  for (unsigned round = 0; round != rounds; ++round) {
    cancel_scope scope;
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> {
        const auto pending = co_await scope.run(listener.accept());
        if (pending) ++accepted;
      });
      co_await give_way(round % 3);
      clients.push_back(co_await reach(where));
      co_await give_way(round / 3 % 10);
      scope.cancel();
    });
  }
  while (accepted != clients.size()) {
    const auto pending = co_await listener.accept();
    ++accepted;
  }
  cancel_scope scope;
  scope.cancel();
  const auto none = co_await scope.run(listener.accept());
  expect(!none, "an accept in a cancelled scope ran");
}

task<> timed_accepts(any_listener& listener, const listener_check&) {
  const auto late = co_await with_timeout(std::chrono::milliseconds(2), listener.accept()).result();
  expect_error(late, errc::timed_out, "an accept with a deadline, while nobody came,");
  const socket_address where = listener.local_address();
  const any_stream client = co_await reach(where);
  static_cast<void>(co_await listener.accept());
}

task<> many_wait(any_listener& listener, const listener_check&) {
  const socket_address where = listener.local_address();
  std::vector<any_stream> clients;
  co_await with_nursery([&](nursery& n) -> task<> {
    for (int i = 0; i != 3; ++i) n.start([&]() -> task<> { static_cast<void>(co_await listener.accept()); });
    for (int i = 0; i != 3; ++i) clients.push_back(co_await reach(where));
  });
}

task<> closes(any_listener& listener, const listener_check&) {
  const socket_address where = listener.local_address();
  expect(!where.empty(), "it does not know where it listens");
  any_stream client = co_await reach(where);
  static_cast<void>(co_await listener.accept());
  co_await with_nursery([&](nursery& n) -> task<> {
    for (int i = 0; i != 2; ++i) {
      n.start([&]() -> task<> {
        const auto ended = co_await listener.accept().result();
        expect_error(ended, errc::closed, "an accept that waited when the listener was closed");
      });
    }
    co_await give_way(3);
    co_await listener.close();
  });
  const auto later = co_await listener.accept().result();
  expect_error(later, errc::closed, "an accept on a closed listener");
  co_await listener.close();
  expect(listener.local_address() == where, "its address changed when it was closed");
  const auto refused = co_await reach(where).result();
  expect(!refused, "it takes connections although it is closed");
}

task<> drains(any_listener& listener, const listener_check& check) {
  if (!check.drains) co_return;
  const socket_address where = listener.local_address();
  std::vector<any_stream> clients;
  for (int i = 0; i != 20; ++i) clients.push_back(co_await reach(where));
  static_cast<void>(co_await listener.accept());
  co_await sleep_for(std::chrono::milliseconds(2));  // the last may be under way to the other side
  co_await listener.drain();
  const auto refused = co_await reach(where).result();
  expect(!refused, "it takes connections although it was drained");
  for (std::size_t i = 1; i != clients.size(); ++i) {
    const auto pending = co_await listener.accept().result();
    expect(pending.has_value(), "a connection that stood when it was drained cannot be accepted");
  }
  const auto last = co_await listener.accept().result();
  expect_error(last, errc::closed, "an accept on a drained listener that has nothing left");
  co_await listener.drain();
  co_await listener.close();
}

constexpr std::array<listener_rule, 9> rules = {{
    {"a connection is accepted before its peer has said anything", accepts_silence},
    {"connections are established and carry bytes both ways", carries_bytes},
    {"a peer that says nothing holds up nobody else", silence_delays_nobody},
    {"what is cancelled before it begins establishes nothing", establishes_in_no_cancelled_scope},
    {"a cancelled accept has taken no connection", cancelled_accepts},
    {"an accept can have a deadline", timed_accepts},
    {"several tasks may wait for connections", many_wait},
    {"closing ends what waits, and what comes later", closes},
    {"what stood when a listener was drained can be accepted", drains},
}};

task<> check_rule(const listener_rule& rule, const listener_check& check, duration patience) {
  std::string broken;
  try {
    any_listener listener = co_await check.make();
    auto run = [&] { return rule.check(listener, check); };
    if (co_await move_on_after(patience, run)) co_return;
    broken = fmt::format("it was not over after {} ms", patience.count() / 1'000'000);
  } catch (const std::exception& e) {
    broken = e.what();
  }
  throw testing::check_failed(fmt::format("a listener broke the rule \"{}\": {}", rule.name, broken));
}

}  // namespace

task<> check_listener(const listener_check& check, const testing::listener_check_options& options) {
  for (const listener_rule& rule : rules) co_await check_rule(rule, check, options.patience);
}

}  // namespace wring::net::detail
