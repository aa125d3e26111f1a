// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <netinet/tcp.h>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <wring/core/cancel_scope.hpp>

#include "support/tcp_support.hpp"

namespace wring::tests {

/// splitmix64: what a script does depends on its number alone.
class dice {
 public:
  explicit dice(std::uint64_t seed) noexcept : state_(seed) {}
  std::uint64_t operator()(std::uint64_t sides) noexcept {
    state_ += 0x9e3779b97f4a7c15ULL;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return (z ^ (z >> 31)) % sides;
  }

 private:
  std::uint64_t state_;
};

/// One end of the conversation, with what it has written and read so far.
struct party {
  net::tcp_stream stream;
  std::size_t written = 0;
  std::size_t read = 0;
  bool finished = false;  // its write side
};

inline task<> yields(std::uint64_t count) {
  for (; count != 0; --count) co_await yield();
}

/// A conversation, and what is observed of it. Nothing is asked whose answer depends on time.
class conversation {
 public:
  explicit conversation(std::uint64_t number) noexcept : roll_(number) {}

  task<std::string> hold(net::tcp_listener& listener) {
    co_await meet(listener);
    for (std::uint64_t left = 2 + roll_(8); left != 0 && !over_; --left) co_await step();
    a_.stream.abort();
    b_.stream.abort();
    co_return std::move(seen_);
  }

 private:
  void note(std::string_view what) {
    seen_ += what;
    seen_ += ' ';
  }
  void note(std::string_view what, std::size_t number) { note(std::string(what) + std::to_string(number)); }
  void note(std::string_view what, const error& e) { note(what, static_cast<std::size_t>(e.code().value())); }

  static std::size_t outstanding(const party& from, const party& to) noexcept { return from.written - to.read; }

  task<> meet(net::tcp_listener& listener) {
    const std::uint64_t way = roll_(6);
    if (way < 2) {  // an accept or a connect that is given up
      cancel_scope scope;
      co_await with_nursery([&](nursery& n) -> task<> {
        n.start([&]() -> task<> {
          if (way == 0) {
            const auto none = co_await scope.run(listener.accept());
            note(none ? "accepted" : "accept-cancelled");
          } else {
            const auto connecting = [&]() -> task<> {
              const net::tcp_stream made = co_await net::connect_tcp(listener.local_address());
            };
            // It may be done by then: over loopback that depends on the moment.
            static_cast<void>(co_await scope.run(connecting));
          }
        });
        co_await yields(roll_(4));
        scope.cancel();
      });
    }
    co_await with_nursery([&](nursery& n) -> task<> {
      const bool accept_first = roll_(2) == 0;
      const auto accepting = [&]() -> task<> {
        // A connect that was given up may have left a connection.
        do b_.stream = co_await listener.accept();
        while (a_.stream.is_open() && b_.stream.peer_address() != a_.stream.local_address());
      };
      if (accept_first && way != 1) n.start(accepting);
      a_.stream = co_await net::connect_tcp(listener.local_address());
      if (!accept_first || way == 1) n.start(accepting);
    });
    for (net::tcp_stream* each : {&a_.stream, &b_.stream}) {
      // Little room, and no pacing: what a script waits for is what it does itself.
      each->set_send_buffer(32 * 1024);
      each->set_receive_buffer(32 * 1024);
      const std::string_view pacing = "reno";
      engine& e = scheduler::current().engine();
      const int r = e.set_option(each->native_handle(), IPPROTO_TCP, TCP_CONGESTION, std::as_bytes(std::span(pacing)));
      if (r < 0) throw std::system_error(-r, std::generic_category(), "setsockopt");
    }
    note("met");
  }

  task<> step() {
    const bool from_a = roll_(2) == 0;
    party& x = from_a ? a_ : b_;
    party& y = from_a ? b_ : a_;
    note(from_a ? "a:" : "b:");
    const std::uint64_t what = roll_(13);
    switch (what) {
      case 0:
      case 1:
        if (!x.finished && outstanding(x, y) < 20'000) co_await write(x, 1 + roll_(3000), roll_(2) == 0);
        break;
      case 2:
      case 3:
        co_await read(y, x, outstanding(x, y));
        break;
      case 4:
        co_await read(y, x, roll_(outstanding(x, y) + 1));
        break;
      case 5:
        co_await give_up_reading(y, x, 0);
        break;
      case 6:
        co_await give_up_reading(y, x, 1 + roll_(500));
        break;
      case 7:
        co_await transfer(x, y, 100'000 + roll_(200'000));
        break;
      case 8:
        co_await write_twice(x, y);
        break;
      case 9:
        co_await half_close(x, y);
        break;
      case 10:
        if (roll_(2) == 0) co_await reset(x, y);
        break;
      case 11:
        if (roll_(2) == 0) co_await give_up_writing(x, y);
        break;
      default:
        if (roll_(2) == 0) co_await close(x, y);
        break;
    }
  }

  task<> write(party& x, std::size_t count, bool gathered, bool quietly = false) {
    const std::string text = pattern(count, x.written);
    x.written += count;
    if (gathered) {
      const std::size_t half = count / 2;
      const auto bytes = std::as_bytes(std::span(text));
      const std::array<std::span<const std::byte>, 2> parts{bytes.first(half), bytes.subspan(half)};
      co_await x.stream.write_all(parts);
    } else {
      co_await x.stream.write_all(text);
    }
    if (!quietly) note("wrote", count);
  }

  /// Whether `got` is what the other one has written next.
  bool check(party& y, std::string_view got) {
    const bool same = pattern(got.size(), y.read) == got;
    y.read += got.size();
    if (!same) note("WRONG BYTES");
    return same;
  }

  /// Reads exactly `count` bytes, which are on their way.
  task<> read(party& y, party&, std::size_t count, bool quietly = false) {
    const bool own_memory = roll_(2) == 0;
    std::vector<std::byte> memory(1 + roll_(4000));
    std::size_t left = count;
    while (left != 0) {
      std::size_t got = 0;
      if (own_memory || left < 16 * 1024) {
        const auto into = std::span(memory).first(std::min(memory.size(), left));
        got = co_await y.stream.read(into);
        check(y, text_of(into.first(got)));
      } else {
        const buffer_lease chunk = co_await y.stream.read_some();
        got = chunk.size();
        check(y, text_of(chunk));
      }
      if (got == 0) {
        note("EARLY END");
        over_ = true;
        co_return;
      }
      left -= std::min(left, got);
    }
    if (!quietly) note("read", count);
  }

  /// A read that is cancelled, while `count` bytes are being written (if any), has taken all or nothing.
  task<> give_up_reading(party& y, party& x, std::size_t count) {
    if (x.finished) count = 0;
    const bool pending = outstanding(x, y) != 0;
    const bool own_memory = roll_(2) == 0;
    const std::uint64_t before = roll_(3), after = roll_(3);
    cancel_scope scope;
    bool returned = false;
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> {
        std::array<std::byte, 700> memory;
        const auto reading = [&]() -> task<> {
          std::size_t got = 0;
          if (own_memory) {
            got = co_await y.stream.read(memory);
            check(y, text_of(std::span(memory).first(got)));
          } else {
            const buffer_lease chunk = co_await y.stream.read_some();
            got = chunk.size();
            check(y, text_of(chunk));
          }
          returned = true;
          if (got == 0 && !x.finished) note("EARLY END");
        };
        static_cast<void>(co_await scope.run(reading));
      });
      co_await yields(before);
      if (count != 0) co_await write(x, count, false);
      co_await yields(after);
      scope.cancel();
    });
    if (count == 0 && !pending && !x.finished) note(returned ? "RETURNED" : "gave-up");
    co_await read(y, x, outstanding(x, y), true);
    note("at", y.read);
  }

  /// More than the sockets hold.
  task<> transfer(party& x, party& y, std::size_t count) {
    if (x.finished) co_return;
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> { co_await write(x, count, false, true); });
      co_await yield();
      co_await read(y, x, outstanding(x, y), true);
    });
    note("transferred", y.read);
  }

  /// Two tasks write at once: in order, each contiguous.
  task<> write_twice(party& x, party& y) {
    if (x.finished) co_return;
    co_await with_nursery([&](nursery& n) -> task<> {
      for (int i = 0; i != 2; ++i) n.start([&]() -> task<> { co_await write(x, 60'000, false, true); });
      co_await yield();
      co_await read(y, x, outstanding(x, y), true);
    });
    note("transferred", y.read);
  }

  task<> half_close(party& x, party& y) {
    if (x.finished) co_return;
    x.finished = true;
    co_await x.stream.shut_down_write();
    co_await read(y, x, outstanding(x, y));
    for (int i = 0; i != 2; ++i) {
      const buffer_lease end = co_await y.stream.read_some();
      note("end", end.size());
    }
    const auto refused = co_await x.stream.write_all("x").result();
    note(refused ? "WRITTEN" : "refused");
  }

  /// Reads up to the end or a fault.
  task<> drain(party& y, bool count_matters) {
    for (;;) {
      auto chunk = co_await y.stream.read_some().result();
      if (!chunk) {
        note("fault", chunk.error());
        break;
      }
      if (chunk->empty()) {
        note("end");
        break;
      }
      check(y, text_of(*chunk));
    }
    if (count_matters) note("at", y.read);
    over_ = true;
  }

  task<> reset(party& x, party& y) {
    // What neither has read may get lost.
    co_await read(y, x, outstanding(x, y));
    const bool was_finished = x.finished;
    x.stream.abort();
    const auto refused = co_await x.stream.write_all("x").result();
    note(refused ? "WRITTEN" : "refused");
    if (was_finished) {
      over_ = true;
    } else {
      co_await drain(y, true);
      const auto broken = co_await y.stream.write_all("x").result();
      if (y.finished) {
        note(broken ? "WRITTEN" : "refused");
      } else if (broken) {
        note("WRITTEN");
      } else {
        note("broken", broken.error());
      }
    }
  }

  task<> give_up_writing(party& x, party& y) {
    if (x.finished || outstanding(y, x) != 0) co_return;
    const std::string text = pattern(1'000'000, x.written);
    const std::uint64_t before = roll_(4);
    cancel_scope scope;
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> {
        const auto written = co_await scope.run(x.stream.write_all(text));
        note(written ? "WRITTEN" : "gave-up");
      });
      co_await yields(before);
      scope.cancel();
    });
    // Begun, it has left a part; not begun, nothing.
    const auto next = co_await x.stream.write_all(std::string_view(text).substr(0, 1)).result();
    note(next ? "whole" : "torn");
    if (next) {
      x.written += 1;
      co_return;
    }
    co_await x.stream.close();
    co_await drain(y, false);
  }

  task<> close(party& x, party& y) {
    if (outstanding(y, x) != 0) co_return;
    const bool was_finished = x.finished;
    co_await x.stream.close();
    if (!was_finished) co_await drain(y, true);
    over_ = true;
  }

  dice roll_;
  party a_, b_;
  std::string seen_;
  bool over_ = false;
};

}  // namespace wring::tests
