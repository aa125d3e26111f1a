// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include <wring/core/task.hpp>
#include <wring/core/testing/check_failed.hpp>
#include <wring/net/stream.hpp>
#include <wring/net/testing/stream_check_options.hpp>

namespace wring::net::detail {

/// One rule of the stream concept, checked on a fresh pair. Throws `testing::check_failed` with what was seen.
struct stream_rule {
  std::string_view name;
  task<> (*check)(testing::stream_pair& ends, const testing::stream_check_options& options);
};

/// How bytes are transferred.
std::span<const stream_rule> stream_transfer_rules() noexcept;
/// How streams and their directions end.
std::span<const stream_rule> stream_ending_rules() noexcept;
/// What cancelled operations leave.
std::span<const stream_rule> stream_cancellation_rules() noexcept;
/// Optional members of streams: an observer, writes without waiting.
std::span<const stream_rule> stream_watching_rules() noexcept;

/// Fails the rule, unless `kept`.
void expect(bool kept, std::string_view what);
/// Fails the rule unless there is an error, and it is `code`.
void expect_error(const error* e, errc code, std::string_view what);
template <class T>
void expect_error(const result<T>& outcome, errc code, std::string_view what) {
  expect_error(outcome ? nullptr : &outcome.error(), code, what);
}

/// Byte `position` of what the rules send. Repeats itself after `pattern_period` bytes, a prime.
inline constexpr std::size_t pattern_period = 65521;
/// `count` bytes, at most a period, from `position` on.
std::span<const std::byte> pattern(std::size_t position, std::size_t count);

/// Sends `count` bytes of the pattern in pieces of at most `piece` bytes.
task<> send_pattern(stream_ref to, std::size_t position, std::size_t count, std::size_t piece);

/// Fails the rule unless `bytes` are those of the pattern.
void expect_pattern(std::span<const std::byte> bytes, std::size_t position);

enum class read_style { leased, spans, mixed };
/// Reads `count` bytes of the pattern, `piece` at a time where the reader decides.
task<> receive_pattern(stream_ref from, std::size_t position, std::size_t count, read_style style, std::size_t piece);

/// What a direction carried up to its end.
struct remainder {
  std::size_t count = 0;
  bool failed = false;  ///< ended with an error
};
/// Reads the pattern up to the end of the stream, or to an error.
task<remainder> receive_rest(stream_ref from, std::size_t position);

/// Lets the others go on, `turns` times.
task<> give_way(unsigned turns);

/// Writes the pattern for as long as `keep_on`, a piece of a period at a time, and counts in `sent` what has been
/// written.
task<> fill(stream_ref to, std::size_t& sent, const bool& keep_on);

/// Waits until `progress` has not changed for a while.
task<> until_still(const std::size_t& progress);

}  // namespace wring::net::detail
