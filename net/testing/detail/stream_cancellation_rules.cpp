// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <wring/core/cancel_scope.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/sleep.hpp>
#include <wring/core/timeout.hpp>
#include <wring/net/testing/detail/stream_rules.hpp>

namespace wring::net::detail {

namespace {

/// Cancels `scope` after some turns.
task<> cancel_later(cancel_scope& scope, unsigned turns) {
  co_await give_way(turns);
  scope.cancel();
}

task<> cancelled_reads(testing::stream_pair& ends, const testing::stream_check_options&) {
  const stream_ref a(ends.first);
  const stream_ref b(ends.second);
  constexpr unsigned rounds = 150;
  std::size_t sent = 0;
  std::size_t received = 0;
  std::vector<std::byte> memory(3);
  for (unsigned round = 0; round != rounds; ++round) {
    co_await receive_pattern(b, received, sent - received, read_style::mixed, 3);
    received = sent;
    cancel_scope scope;
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> {
        if (round % 2 == 0) {
          const auto lease = co_await scope.run(b.read_some());
          if (!lease) co_return;
          expect_pattern(std::span<const std::byte>(*lease), received);
          received += lease->size();
        } else {
          const auto got = co_await scope.run(b.read(memory));
          if (!got) co_return;
          expect_pattern(std::span(memory).first(*got), received);
          received += *got;
        }
      });
      n.start(cancel_later, std::ref(scope), round / 2 % 7);
      co_await give_way(round / 14 % 7);
      co_await send_pattern(a, sent, 5, 5);
      sent += 5;
      if (round % 3 == 0) scope.cancel();  // the reader may be about to go on
    });
  }
  co_await receive_pattern(b, received, sent - received, read_style::mixed, 3);
  co_await send_pattern(a, sent, 10, 10);
  co_await receive_pattern(b, sent, 10, read_style::spans, 10);
}

task<> cancelled_before(testing::stream_pair& ends, const testing::stream_check_options&) {
  const stream_ref a(ends.first);
  const stream_ref b(ends.second);
  co_await send_pattern(a, 0, 10, 10);
  cancel_scope scope;
  scope.cancel();
  std::array<std::byte, 10> bytes;
  const bool written = co_await scope.run(a.write_all("never"));
  expect(!written, "a write in a cancelled scope ran");
  const bool shut = co_await scope.run(a.shut_down_write());
  expect(!shut, "a shut_down_write in a cancelled scope ran");
  const auto read = co_await scope.run(b.read(bytes));
  expect(!read, "a read in a cancelled scope ran");
  const auto leased = co_await scope.run(b.read_some());
  expect(!leased, "a read_some in a cancelled scope ran");
  co_await send_pattern(a, 10, 10, 10);
  co_await receive_pattern(b, 0, 20, read_style::mixed, 7);
}

task<> timed_reads(testing::stream_pair& ends, const testing::stream_check_options&) {
  const stream_ref a(ends.first);
  const stream_ref b(ends.second);
  for (std::size_t round = 0; round != 5; ++round) {
    const auto late = co_await with_timeout(std::chrono::milliseconds(2), b.read_some()).result();
    expect_error(late, errc::timed_out, "a read with a deadline, while nothing came,");
    co_await send_pattern(a, round * 100, 100, 100);
    co_await receive_pattern(b, round * 100, 100, read_style::mixed, 30);
  }
}

task<> cancelled_write(testing::stream_pair& ends, const testing::stream_check_options&) {
  const stream_ref a(ends.first);
  const stream_ref b(ends.second);
  std::size_t sent = 0;
  const bool keep_on = true;
  cancel_scope scope;
  co_await with_nursery([&](nursery& n) -> task<> {
    n.start([&]() -> task<> {
      auto filling = [&] { return fill(a, sent, keep_on); };
      static_cast<void>(co_await scope.run(filling));
    });
    co_await until_still(sent);
    scope.cancel();
  });
  remainder rest;
  bool torn = false;
  co_await with_nursery([&](nursery& n) -> task<> {
    n.start([&]() -> task<> { rest = co_await receive_rest(b, 0); });
    const auto after = co_await a.write_all(pattern(sent, 100)).result();
    torn = !after;
    if (torn) {
      expect_error(after, errc::write_torn, "a write after one that was cancelled half way");
      co_await send_pattern(b, 0, 10, 10);
      co_await receive_pattern(a, 0, 10, read_style::mixed, 10);
    }
    co_await a.close();
  });
  const std::size_t most = sent + (torn ? pattern_period : 100);
  if (rest.count < sent || rest.count > most) {
    throw testing::check_failed(fmt::format("{} bytes arrived, but {} to {} were written", rest.count, sent, most));
  }
  expect(torn || (!rest.failed && rest.count == most), "a cancelled write that wrote nothing broke the stream");
}

task<> cancelled_queued_write(testing::stream_pair& ends, const testing::stream_check_options&) {
  const stream_ref a(ends.first);
  const stream_ref b(ends.second);
  std::size_t sent = 0;
  bool keep_on = true;
  cancel_scope scope;
  std::optional<bool> written;
  co_await with_nursery([&](nursery& n) -> task<> {
    n.start(fill, a, std::ref(sent), std::cref(keep_on));
    co_await until_still(sent);
    keep_on = false;
    const std::size_t all = sent + pattern_period;
    n.start([&]() -> task<> { written = co_await scope.run(a.write_all("never")); });
    n.start(send_pattern, a, all, 100U, 100U);
    co_await give_way(3);
    scope.cancel();
    co_await receive_pattern(b, 0, all + 100, read_style::mixed, 50'000);
  });
  expect(written == false, "a write that waited behind another ran although it was cancelled");
}

/// Writes that are cancelled at about the time they are done: what is reported as written has been, the rest not.
task<> racing_writes(testing::stream_pair& ends, const testing::stream_check_options&) {
  const stream_ref a(ends.first);
  const stream_ref b(ends.second);
  std::string expected;
  std::string received;
  cancel_scope* racing = nullptr;
  bool torn = false;
  co_await with_nursery([&](nursery& n) -> task<> {
    n.start([&]() -> task<> {
      for (unsigned count = 0;; ++count) {
        const auto lease = co_await b.read_some().result();
        if (!lease || !*lease) break;
        for (const std::byte byte : *lease) received += static_cast<char>(byte);
        if (racing != nullptr && count % 4 == 0) racing->cancel();  // the writer may be about to go on
        co_await give_way(static_cast<unsigned>(received.size() % 3));
      }
    });
    for (unsigned round = 0; round != 100 && !torn; ++round) {
      // The long ones come late, as one that is cancelled half way is the last.
      const std::string text = fmt::format("<write {}>", round) + std::string(round < 70 ? 0 : round * 500, '.');
      cancel_scope scope;
      std::optional<result<void>> outcome;
      racing = &scope;
      co_await with_nursery([&](nursery& inner) -> task<> {
        inner.start([&]() -> task<> { outcome = co_await scope.run(a.write_all(text)).result(); });
        inner.start(cancel_later, std::ref(scope), round % 6);
        co_return;
      });
      racing = nullptr;
      if (outcome && !*outcome) {
        expect_error(*outcome, errc::write_torn, "a write after one that was cancelled");
        torn = true;
      }
      if (outcome && *outcome) expected += text;
    }
    co_await a.close();
  });
  expect(received.starts_with(expected), "the peer did not get what was reported as written, or got something between");
  expect(torn || received.size() == expected.size(),
         "a cancelled write wrote something, and the next one all the same");
}

task<> cancelled_writer_and_close(testing::stream_pair& ends, const testing::stream_check_options&) {
  const stream_ref a(ends.first);
  std::size_t sent = 0;
  const bool keep_on = true;
  co_await with_nursery([&](nursery& n) -> task<> {
    const child_handle writer = n.start(fill, a, std::ref(sent), std::cref(keep_on));
    const child_handle reader = n.start([&]() -> task<> { static_cast<void>(co_await receive_rest(a, 0)); });
    co_await until_still(sent);
    child_handle(writer).cancel();
    child_handle(reader).cancel();
  });
  ends.first = any_stream();
  const remainder rest = co_await receive_rest(stream_ref(ends.second), 0);
  expect(rest.failed || rest.count >= sent, "the peer saw the end of the stream before all that was written");
}

constexpr std::array rules{
    stream_rule{"a cancelled read has taken nothing", cancelled_reads},
    stream_rule{"nothing begins in a cancelled scope", cancelled_before},
    stream_rule{"a read that ran out of time can be repeated", timed_reads},
    stream_rule{"a write that is cancelled has written nothing, or poisons the write side", cancelled_write},
    stream_rule{"a write that is cancelled before its turn leaves no trace", cancelled_queued_write},
    stream_rule{"a write that is cancelled is reported as it was", racing_writes},
    stream_rule{"a stream can be destroyed once its waits have been cancelled", cancelled_writer_and_close},
};

}  // namespace

std::span<const stream_rule> stream_cancellation_rules() noexcept { return rules; }

}  // namespace wring::net::detail
