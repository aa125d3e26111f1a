// SPDX-License-Identifier: MIT
// Rules for what streams may have besides: a stream that has not keeps them by saying so.

#include <array>
#include <chrono>
#include <optional>
#include <span>

#include <wring/core/nursery.hpp>
#include <wring/core/sleep.hpp>
#include <wring/net/testing/detail/stream_rules.hpp>

namespace wring::net::detail {

namespace {

/// Counts what is reported to it.
class tally final : public stream_observer {
 public:
  void arrived() noexcept override { ++arrivals; }
  void ended(const error* fault) noexcept override {
    ++ends;
    failed = fault != nullptr;
  }

  unsigned arrivals = 0;
  unsigned ends = 0;
  bool failed = false;
};

/// Takes the observer away however the rule ends.
class unwatched_at_the_end {
 public:
  explicit unwatched_at_the_end(stream_ref s) noexcept : stream_(s) {}
  unwatched_at_the_end(const unwatched_at_the_end&) = delete;
  unwatched_at_the_end& operator=(const unwatched_at_the_end&) = delete;
  ~unwatched_at_the_end() { stream_.watch(nullptr); }

 private:
  stream_ref stream_;
};

std::size_t try_pattern(stream_ref to, std::size_t position, std::size_t count) {
  const std::array<std::span<const std::byte>, 3> parts{pattern(position, 1), std::span<const std::byte>(),
                                                        pattern(position + 1, count - 1)};
  const std::size_t sent = to.try_write(parts);
  expect(sent <= count, "try_write wrote more than it was given");
  return sent;
}

/// Lets time pass until `counter` has changed, for a while at most.
task<bool> changes(const unsigned& counter, unsigned from) {
  for (unsigned i = 0; i != 30 && counter == from; ++i) co_await sleep_for(std::chrono::milliseconds(1));
  co_return counter != from;
}

task<> until_ended(const tally& seen) {
  while (seen.ends == 0) co_await sleep_for(std::chrono::milliseconds(1));
}

task<> told_of_bytes(testing::stream_pair& ends, const testing::stream_check_options&) {
  const stream_ref a(ends.first);
  const stream_ref b(ends.second);
  tally seen;
  tally late;
  if (!a.watch(&seen)) co_return;
  const unwatched_at_the_end guard(a);
  co_await send_pattern(b, 0, 10, 10);
  while (seen.arrivals == 0) co_await sleep_for(std::chrono::milliseconds(1));
  co_await receive_pattern(a, 0, 10, read_style::leased, 10);
  const unsigned before = seen.arrivals;
  co_await with_nursery([&](nursery& n) -> task<> {
    n.start(receive_pattern, a, 10U, 10U, read_style::leased, 10U);
    co_await give_way(5);
    co_await send_pattern(b, 10, 10, 10);
  });
  expect(seen.arrivals - before <= 1, "an observer was told of bytes that a task was waiting for");
  a.watch(nullptr);
  const unsigned last = seen.arrivals;
  co_await send_pattern(b, 20, 10, 10);
  co_await sleep_for(std::chrono::milliseconds(5));
  expect(seen.arrivals == last, "an observer was told of bytes after it had been taken away");
  // A late observer is told of what has arrived.
  a.watch(&late);
  while (late.arrivals == 0) co_await sleep_for(std::chrono::milliseconds(1));
  co_await receive_pattern(a, 20, 10, read_style::mixed, 3);
  expect(seen.ends == 0 && late.ends == 0, "an observer was told of an end, and the stream goes on");
  a.watch(nullptr);
}

/// The state of a stream when its end arrives.
enum class state { idle, unread, reading, after_span, full };

/// Sends until `a` receives no more, and a little that it has not received. Returns how much.
task<std::size_t> fill_up(stream_ref b, const tally& seen) {
  std::size_t sent = 0;
  for (unsigned i = 0; i != 300; ++i) {
    const unsigned before = seen.arrivals;
    const std::size_t count = try_pattern(b, sent, 1000);
    sent += count;
    if (count != 1000) break;
    const bool received = co_await changes(seen.arrivals, before);
    if (!received) break;
  }
  co_return sent;
}

template <state State, bool Abort>
task<> told_of_end(testing::stream_pair& ends, const testing::stream_check_options& options) {
  if (Abort && !options.reports_abort) co_return;
  const stream_ref a(ends.first);
  const stream_ref b(ends.second);
  tally seen;
  if (!a.watch(&seen)) co_return;
  const unwatched_at_the_end guard(a);
  std::size_t sent = 0;
  std::size_t taken = 0;
  co_await with_nursery([&](nursery& n) -> task<> {
    if (State == state::unread || State == state::after_span) {
      co_await send_pattern(b, 0, 10, 10);
      sent = 10;
    }
    if (State == state::after_span) {
      std::array<std::byte, 10> into;
      while (taken != sent) taken += co_await a.read(std::span(into).subspan(taken));
    } else if (State == state::full) {
      sent = co_await fill_up(b, seen);
    } else if (State == state::reading) {
      n.start([&]() -> task<> {
        const auto rest = co_await a.read_some().result();
        expect(rest ? Abort == false && rest->empty() : Abort, "a reader did not see the end that its observer saw");
      });
      co_await give_way(3);
    }
    if (Abort) {
      b.abort();
    } else if (options.half_close) {
      co_await b.shut_down_write();
    } else {
      co_await b.close();
    }
    co_await until_ended(seen);
  });
  expect(seen.failed == Abort, Abort ? "the observer of a stream whose peer aborted was told of a good end"
                                     : "the observer was told of a fault where the stream has ended");
  const remainder rest = co_await receive_rest(a, taken);
  expect(rest.failed == Abort, "reading ended otherwise than the observer was told");
  expect(Abort || rest.count == sent - taken, "bytes that came before the end were lost");
  co_await give_way(5);
  expect(seen.ends == 1, "the observer was told of the end again");
  a.watch(nullptr);
}

task<> told_late(testing::stream_pair& ends, const testing::stream_check_options& options) {
  const stream_ref a(ends.first);
  const stream_ref b(ends.second);
  tally seen;
  if (!a.watch(&seen)) co_return;
  const unwatched_at_the_end guard(a);
  a.watch(nullptr);
  if (options.half_close) {
    co_await b.shut_down_write();
  } else {
    co_await b.close();
  }
  const buffer_lease end = co_await a.read_some();
  expect(end.empty(), "there were bytes");
  expect(seen.ends == 0, "an observer that was taken away was told of the end");
  expect(a.watch(&seen), "a stream at its end cannot be watched");
  expect(seen.ends == 1 && !seen.failed, "an observer that comes after the end is not told of it at once");
  a.watch(nullptr);
  co_await a.close();
  expect(!a.watch(&seen), "a closed stream can be watched");
}

task<> written_at_once(testing::stream_pair& ends, const testing::stream_check_options& options) {
  const stream_ref a(ends.first);
  const stream_ref b(ends.second);
  std::size_t sent = try_pattern(a, 0, 1000);
  if (sent == 0) co_return;
  co_await receive_pattern(b, 0, sent, read_style::mixed, 300);
  // Filled up, with a writer waiting: it has the next turn.
  const std::size_t from = sent;
  for (;;) {
    const std::size_t count = try_pattern(a, sent, 10'000);
    sent += count;
    if (count == 0) break;
    expect(sent - from < options.most_held, "try_write never finds that there is no room");
  }
  co_await with_nursery([&](nursery& n) -> task<> {
    n.start(send_pattern, a, sent, 100'000U, 50'000U);
    co_await give_way(3);
    expect(try_pattern(a, sent, 10) == 0, "try_write overtook a write that was waiting");
    co_await receive_pattern(b, from, sent - from + 100'000, read_style::leased, 1);
  });
  sent += 100'000;
  std::size_t more = 0;
  while (more == 0) {
    more = try_pattern(a, sent, 100);
    co_await sleep_for(std::chrono::milliseconds(1));
  }
  co_await receive_pattern(b, sent, more, read_style::leased, 1);
  co_await a.shut_down_write();
  expect(try_pattern(a, sent, 10) == 0, "try_write wrote after shut_down_write");
  co_await a.close();
  expect(try_pattern(a, sent, 10) == 0, "try_write wrote to a closed stream");
}

constexpr std::array rules{
    stream_rule{"an observer is told of bytes that are not waited for", told_of_bytes},
    stream_rule{"an observer is told of the end on an idle stream", told_of_end<state::idle, false>},
    stream_rule{"an observer is told of the end after unread bytes", told_of_end<state::unread, false>},
    stream_rule{"an observer is told of the end while a task reads", told_of_end<state::reading, false>},
    stream_rule{"an observer is told of the end after a read into a span", told_of_end<state::after_span, false>},
    stream_rule{"an observer is told of the end when nothing more is received", told_of_end<state::full, false>},
    stream_rule{"an observer is told of an abort on an idle stream", told_of_end<state::idle, true>},
    stream_rule{"an observer is told of an abort after unread bytes", told_of_end<state::unread, true>},
    stream_rule{"an observer is told of an abort while a task reads", told_of_end<state::reading, true>},
    stream_rule{"an observer is told of an abort after a read into a span", told_of_end<state::after_span, true>},
    stream_rule{"an observer is told of an abort when nothing more is received", told_of_end<state::full, true>},
    stream_rule{"an observer that comes late is told of the end at once", told_late},
    stream_rule{"try_write writes what there is room for, in order", written_at_once},
};

}  // namespace

std::span<const stream_rule> stream_watching_rules() noexcept { return rules; }

}  // namespace wring::net::detail
