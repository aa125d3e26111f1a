// SPDX-License-Identifier: MIT
#include <array>
#include <optional>
#include <utility>

#include <wring/core/nursery.hpp>
#include <wring/core/sleep.hpp>
#include <wring/net/testing/detail/stream_rules.hpp>

namespace wring::net::detail {

namespace {

task<> expect_end(stream_ref s) {
  std::array<std::byte, 10> bytes;
  for (unsigned i = 0; i != 3; ++i) {
    const std::size_t got = co_await s.read(bytes);
    expect(got == 0, "read gave bytes after the end");
    const buffer_lease lease = co_await s.read_some();
    expect(lease.empty(), "read_some gave bytes after the end");
  }
}

task<> lasting_end(testing::stream_pair& ends, const testing::stream_check_options& options) {
  const stream_ref a(ends.first);
  const stream_ref b(ends.second);
  co_await with_nursery([&](nursery& n) -> task<> {
    n.start(receive_pattern, b, 0U, 100'000U, read_style::mixed, 1000U);
    co_await send_pattern(a, 0, 100'000, 10'000);
    if (options.half_close) {
      co_await a.shut_down_write();
    } else {
      co_await a.close();
    }
  });
  co_await expect_end(b);
}

task<> end_while_reading(testing::stream_pair& ends, const testing::stream_check_options& options) {
  const stream_ref a(ends.first);
  const stream_ref b(ends.second);
  co_await with_nursery([&](nursery& n) -> task<> {
    n.start(expect_end, b);
    co_await sleep_for(std::chrono::milliseconds(1));
    if (options.half_close) {
      co_await a.shut_down_write();
    } else {
      co_await a.close();
    }
  });
}

task<> half_close(testing::stream_pair& ends, const testing::stream_check_options& options) {
  const stream_ref a(ends.first);
  const stream_ref b(ends.second);
  co_await send_pattern(a, 0, 10, 10);
  co_await a.shut_down_write();
  co_await a.shut_down_write();
  const auto late = co_await a.write_all("late").result();
  expect(!late, "a write after shut_down_write succeeded");
  if (!options.half_close) co_return;
  co_await receive_pattern(b, 0, 10, read_style::mixed, 4);
  co_await expect_end(b);
  co_await with_nursery([&](nursery& n) -> task<> {
    n.start(send_pattern, b, 0U, 100'000U, 10'000U);
    co_await receive_pattern(a, 0, 100'000, read_style::mixed, 1000);
  });
  co_await b.shut_down_write();
  co_await expect_end(a);
}

task<> shut_down_in_order(testing::stream_pair& ends, const testing::stream_check_options& options) {
  if (!options.half_close) co_return;
  const stream_ref a(ends.first);
  const stream_ref b(ends.second);
  std::size_t sent = 0;
  bool keep_on = true;
  co_await with_nursery([&](nursery& n) -> task<> {
    n.start(fill, a, std::ref(sent), std::cref(keep_on));
    co_await until_still(sent);
    keep_on = false;
    n.start([&]() -> task<> { co_await a.shut_down_write(); });
    co_await give_way(3);
    const std::size_t all = sent + pattern_period;
    const remainder rest = co_await receive_rest(b, 0);
    expect(!rest.failed, "the reader got an error");
    expect(rest.count == all, "the end overtook a write that was waiting");
  });
}

task<> close(testing::stream_pair& ends, const testing::stream_check_options&) {
  const stream_ref a(ends.first);
  const stream_ref b(ends.second);
  co_await send_pattern(a, 0, 1000, 1000);
  co_await a.close();
  co_await a.close();
  std::array<std::byte, 1> byte;
  const auto read = co_await a.read(byte).result();
  expect_error(read, errc::closed, "a read on a closed stream");
  const auto leased = co_await a.read_some().result();
  expect_error(leased, errc::closed, "a read_some on a closed stream");
  const auto written = co_await a.write_all("late").result();
  expect_error(written, errc::closed, "a write on a closed stream");
  a.abort();
  co_await receive_pattern(b, 0, 1000, read_style::mixed, 100);
  co_await expect_end(b);
}

task<> close_under_way(testing::stream_pair& ends, const testing::stream_check_options&) {
  const stream_ref a(ends.first);
  std::optional<result<buffer_lease>> read;
  std::optional<result<void>> written;
  std::size_t sent = 0;
  co_await with_nursery([&](nursery& n) -> task<> {
    n.start([&]() -> task<> { read = co_await a.read_some().result(); });
    n.start([&]() -> task<> {
      for (;;) {
        written = co_await a.write_all(pattern(sent, pattern_period)).result();
        if (!*written) break;
        sent += pattern_period;
      }
    });
    co_await until_still(sent);
    co_await a.close();
  });
  expect_error(*read, errc::closed, "a read that waited when the stream was closed");
  expect_error(*written, errc::closed, "a write that waited when the stream was closed");
}

task<> destroyed(testing::stream_pair& ends, const testing::stream_check_options&) {
  co_await send_pattern(stream_ref(ends.first), 0, 10, 10);
  ends.first = any_stream();
  const remainder rest = co_await receive_rest(stream_ref(ends.second), 0);
  expect(rest.failed || rest.count == 10, "the peer saw the end of the stream before all that was written");
}

task<> aborted(testing::stream_pair& ends, const testing::stream_check_options& options) {
  const stream_ref a(ends.first);
  const stream_ref b(ends.second);
  std::optional<result<buffer_lease>> waiting;
  co_await with_nursery([&](nursery& n) -> task<> {
    n.start([&]() -> task<> { waiting = co_await b.read_some().result(); });
    co_await sleep_for(std::chrono::milliseconds(1));
    a.abort();
  });
  if (*waiting) {
    expect(!**waiting, "a read returned bytes that were not written");
    expect(!options.reports_abort, "an aborted stream looks like one that ended well");
  }
  const auto read = co_await a.read_some().result();
  expect(!read, "a read on an aborted stream succeeded");
  const auto written = co_await a.write_all("late").result();
  expect(!written, "a write on an aborted stream succeeded");
  co_await a.close();
}

task<> peer_gone(testing::stream_pair& ends, const testing::stream_check_options& options) {
  const stream_ref a(ends.first);
  co_await stream_ref(ends.second).close();
  for (std::size_t sent = 0; sent < options.most_held; sent += pattern_period) {
    const auto written = co_await a.write_all(pattern(sent, pattern_period)).result();
    if (!written) co_return;
    co_await give_way(1);
  }
  throw testing::check_failed("writes to a peer that has closed go on succeeding");
}

constexpr std::array rules{
    stream_rule{"the end of the stream is seen after the last byte, and again and again", lasting_end},
    stream_rule{"a read that waits sees the end of the stream", end_while_reading},
    stream_rule{"shut_down_write ends one direction alone, and writes fail then", half_close},
    stream_rule{"shut_down_write waits for the writes before it", shut_down_in_order},
    stream_rule{"close delivers what was written, and everything fails with errc::closed then", close},
    stream_rule{"close ends what waits on the stream with errc::closed", close_under_way},
    stream_rule{"a stream that is destroyed ends for its peer", destroyed},
    stream_rule{"abort ends the stream at both ends", aborted},
    stream_rule{"writes to a peer that has closed fail", peer_gone},
};

}  // namespace

std::span<const stream_rule> stream_ending_rules() noexcept { return rules; }

}  // namespace wring::net::detail
