// SPDX-License-Identifier: MIT
#include <algorithm>
#include <iterator>
#include <limits>
#include <optional>

#include <wring/protocols/http/content/byte_ranges.hpp>
#include <wring/protocols/http/detail/characters.hpp>

namespace wring::http {

namespace {

constexpr std::uint64_t largest = std::numeric_limits<std::uint64_t>::max();

/// What is too large for the type is larger than every representation.
std::optional<std::uint64_t> parse_number(std::string_view text) noexcept {
  if (text.empty()) return std::nullopt;
  std::uint64_t number = 0;
  bool too_large = false;
  for (const char c : text) {
    if (!detail::is_digit(c)) return std::nullopt;
    const auto digit = static_cast<std::uint64_t>(c - '0');
    too_large = too_large || number > (largest - digit) / 10;
    number = number * 10 + digit;
  }
  return too_large ? largest : number;
}

bool touch(const byte_range& a, const byte_range& b) noexcept { return a.first <= b.last + 1 && b.first <= a.last + 1; }

}  // namespace

void byte_ranges::add(byte_range r) noexcept {
  std::size_t place = count_;
  for (std::size_t i = 0; i < count_;) {
    if (!touch(ranges_[i], r)) {
      ++i;
      continue;
    }
    // It may now touch others as well, also those that were passed already.
    r = {std::min(r.first, ranges_[i].first), std::max(r.last, ranges_[i].last)};
    place = std::min(place, i);
    std::copy(ranges_.begin() + i + 1, ranges_.begin() + count_, ranges_.begin() + i);
    --count_;
    i = 0;
  }
  std::copy_backward(ranges_.begin() + place, ranges_.begin() + count_, ranges_.begin() + count_ + 1);
  ranges_[place] = r;
  ++count_;
}

byte_ranges byte_ranges::parse(std::string_view field, std::uint64_t size) noexcept {
  constexpr std::string_view unit = "bytes=";
  const byte_ranges whole;
  if (field.size() < unit.size() || !detail::equals_ignoring_case(field.substr(0, unit.size()), unit)) return whole;
  byte_ranges found;
  std::size_t asked = 0;
  bool valid = true;
  bool too_much = false;  // they overlap so that together they have more bytes than there are
  std::uint64_t total = 0;
  detail::for_each_element(field.substr(unit.size()), [&](std::string_view element) {
    const std::size_t dash = element.find('-');
    if (dash == std::string_view::npos || ++asked > most) {
      valid = false;
      return;
    }
    const auto first = parse_number(element.substr(0, dash));
    const auto last = parse_number(element.substr(dash + 1));
    const bool is_suffix = dash == 0;
    const bool is_open = dash + 1 == element.size();
    if ((!first && !is_suffix) || (!last && !is_open) || (is_suffix && is_open) || (first && last && *first > *last)) {
      valid = false;
      return;
    }
    byte_range r{};
    if (is_suffix) {
      if (*last == 0 || size == 0) return;
      r = {size - std::min(size, *last), size - 1};
    } else {
      if (*first >= size) return;
      r = {*first, last ? std::min(*last, size - 1) : size - 1};
    }
    too_much = too_much || r.size() > size - total;
    if (!too_much) total += r.size();
    found.add(r);
  });
  if (!valid || asked == 0) return whole;
  if (found.count_ == 0) {
    found.what_ = outcome::unsatisfiable;
    return found;
  }
  if (too_much) return whole;
  found.what_ = outcome::part;
  return found;
}

}  // namespace wring::http
