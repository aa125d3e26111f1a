// SPDX-License-Identifier: MIT
#include <algorithm>
#include <string>
#include <vector>

#include <fmt/format.h>

#include <wring/core/format.hpp>
#include <wring/core/sleep.hpp>
#include <wring/core/this_task.hpp>
#include <wring/net/testing/detail/stream_rules.hpp>

namespace wring::net::detail {

namespace {

constexpr std::size_t largest_piece = pattern_period;

const std::vector<std::byte>& pattern_bytes() {
  static const std::vector<std::byte> bytes = [] {
    std::vector<std::byte> twice(2 * pattern_period);  // so that every piece is contiguous
    std::uint32_t x = 1;
    for (std::size_t i = 0; i != pattern_period; ++i) {
      x = x * 1664525 + 1013904223;  // Numerical Recipes' linear congruential generator
      twice[i] = twice[i + pattern_period] = static_cast<std::byte>(x >> 24);
    }
    return twice;
  }();
  return bytes;
}

}  // namespace

void expect(bool kept, std::string_view what) {
  if (!kept) throw testing::check_failed(std::string(what));
}

void expect_error(const error* e, errc code, std::string_view what) {
  if (e == nullptr) throw testing::check_failed(fmt::format("{} succeeded", what));
  if (*e != code) {
    throw testing::check_failed(
        fmt::format("{} failed with \"{}\", not with \"{}\"", what, *e, make_error_code(code).message()));
  }
}

std::span<const std::byte> pattern(std::size_t position, std::size_t count) {
  return std::span(pattern_bytes()).subspan(position % pattern_period, count);
}

void expect_pattern(std::span<const std::byte> bytes, std::size_t position) {
  while (!bytes.empty()) {
    const auto expected = pattern(position, std::min(bytes.size(), pattern_period));
    const auto [wrong, right] = std::ranges::mismatch(bytes.first(expected.size()), expected);
    if (right != expected.end()) {
      throw testing::check_failed(fmt::format("byte {} is {:#04x}, but {:#04x} was written",
                                              position + (right - expected.begin()), static_cast<unsigned>(*wrong),
                                              static_cast<unsigned>(*right)));
    }
    position += expected.size();
    bytes = bytes.subspan(expected.size());
  }
}

task<> send_pattern(stream_ref to, std::size_t position, std::size_t count, std::size_t piece) {
  piece = std::min(piece, largest_piece);
  while (count != 0) {
    const auto next = pattern(position, std::min(piece, count));
    co_await to.write_all(next);
    position += next.size();
    count -= next.size();
  }
}

task<> receive_pattern(stream_ref from, std::size_t position, std::size_t count, read_style style, std::size_t piece) {
  const std::size_t end = position + count;
  std::vector<std::byte> memory(piece);
  for (unsigned turn = 0; position != end; ++turn) {
    std::size_t got = 0;
    if (style == read_style::leased || (style == read_style::mixed && turn % 2 == 0)) {
      const buffer_lease lease = co_await from.read_some();
      got = lease.size();
      expect_pattern(std::span<const std::byte>(lease), position);
    } else {
      const auto into = std::span(memory).first(std::min(piece, end - position));
      got = co_await from.read(into);
      expect(got <= into.size(), "a read returned more than its span holds");
      expect_pattern(into.first(got), position);
    }
    if (got == 0) throw testing::check_failed(fmt::format("the stream ended after {} bytes of {}", position, end));
    position += got;
    if (position > end)
      throw testing::check_failed(fmt::format("{} bytes arrived after the {} that were written", position - end, end));
  }
}

task<remainder> receive_rest(stream_ref from, std::size_t position) {
  remainder rest;
  for (;;) {
    const auto got = co_await from.read_some().result();
    rest.failed = !got;
    if (!got || !*got) break;
    expect_pattern(std::span<const std::byte>(*got), position + rest.count);
    rest.count += got->size();
  }
  co_return rest;
}

task<> give_way(unsigned turns) {
  for (; turns != 0; --turns) co_await yield();
}

task<> fill(stream_ref to, std::size_t& sent, const bool& keep_on) {
  while (keep_on) {
    co_await to.write_all(pattern(sent, pattern_period));
    sent += pattern_period;
  }
}

task<> until_still(const std::size_t& progress) {
  for (std::size_t seen = progress + 1; seen != progress;) {
    seen = progress;
    co_await sleep_for(std::chrono::milliseconds(20));
  }
}

}  // namespace wring::net::detail
