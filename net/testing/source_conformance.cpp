// SPDX-License-Identifier: MIT
#include <array>
#include <exception>
#include <optional>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include <wring/core/cancel_scope.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/timeout.hpp>
#include <wring/net/testing/detail/stream_rules.hpp>
#include <wring/net/testing/source_conformance.hpp>

namespace wring::net::detail {

namespace {

/// One rule, checked on a fresh source of `size` bytes of the pattern. Throws with what was seen.
struct source_rule {
  std::string_view name;
  task<> (*check)(byte_source_ref from, std::size_t size);
};

void expect_chunk(const buffer_lease& chunk, std::size_t position, std::size_t size) {
  if (position + chunk.size() > size) {
    throw testing::check_failed(fmt::format("it gave {} bytes, but it was made of {}", position + chunk.size(), size));
  }
  expect_pattern(std::span<const std::byte>(chunk), position);
}

/// Reads what is left of the pattern, and the end.
task<> expect_rest(byte_source_ref from, std::size_t position, std::size_t size) {
  for (;;) {
    const buffer_lease chunk = co_await from.read_some();
    if (chunk.empty()) break;
    expect_chunk(chunk, position, size);
    position += chunk.size();
  }
  if (position != size) throw testing::check_failed(fmt::format("it ended after {} bytes of {}", position, size));
}

task<> all_and_the_end(byte_source_ref from, std::size_t size) {
  co_await expect_rest(from, 0, size);
  for (unsigned i = 0; i != 3; ++i) {
    const auto after = co_await from.read_some().result();
    expect(after.has_value(), "a read after the end failed");
    expect(after->empty(), "a read after the end gave bytes");
  }
}

task<> chunks_last(byte_source_ref from, std::size_t size) {
  std::size_t position = 0;
  buffer_lease chunk = co_await from.read_some();
  while (chunk) {
    buffer_lease next = co_await from.read_some();
    expect_chunk(chunk, position, size);
    position += chunk.size();
    chunk = std::move(next);
  }
  expect(position == size, "bytes are missing when two chunks are held");
}

task<> cancelled_reads(byte_source_ref from, std::size_t size) {
  std::size_t position = 0;
  bool ended = false;
  for (unsigned round = 0; !ended; ++round) {
    cancel_scope scope;
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> {
        const auto chunk = co_await scope.run(from.read_some());
        if (!chunk) co_return;
        expect_chunk(*chunk, position, size);
        position += chunk->size();
        ended = chunk->empty();
      });
      if (round % 3 == 2) co_return;  // this one gets its bytes, however long that takes
      co_await give_way(round % 7);
      scope.cancel();
    });
  }
  if (position != size) {
    throw testing::check_failed(fmt::format("{} of {} bytes came, as reads were cancelled", position, size));
  }
}

task<> cancelled_before(byte_source_ref from, std::size_t size) {
  cancel_scope scope;
  scope.cancel();
  for (unsigned i = 0; i != 3; ++i) {
    const auto chunk = co_await scope.run(from.read_some());
    expect(!chunk, "a read in a cancelled scope ran");
  }
  co_await expect_rest(from, 0, size);
}

constexpr std::array rules{
    source_rule{"it gives all bytes in order, and then the end, again and again", all_and_the_end},
    source_rule{"a chunk stays as it is while the next one is read", chunks_last},
    source_rule{"a cancelled read has taken nothing", cancelled_reads},
    source_rule{"nothing begins in a cancelled scope", cancelled_before},
};
constexpr std::array<std::size_t, 4> contents{0, 1, 1000, 60'000};

task<> check_rule(const source_rule& rule, byte_source_ref from, std::size_t size, duration patience) {
  std::string broken;
  try {
    auto check = [&] { return rule.check(from, size); };
    if (co_await move_on_after(patience, check)) co_return;
    broken = fmt::format("it was not over after {} ms", patience.count() / 1'000'000);
  } catch (const std::exception& e) {
    broken = e.what();
  }
  throw testing::check_failed(fmt::format("a source broke the rule \"{}\": {}", rule.name, broken));
}

}  // namespace

task<> check_source(const std::function<task<owned_source>(std::span<const std::byte>)>& make,
                    const testing::source_check_options& options) {
  for (const source_rule& rule : rules) {
    for (const std::size_t size : contents) {
      const owned_source made = co_await make(pattern(0, size));
      co_await check_rule(rule, made.source, size, options.patience);
    }
  }
}

}  // namespace wring::net::detail
