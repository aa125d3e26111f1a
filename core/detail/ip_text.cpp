// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <iterator>

#include <fmt/format.h>

#include <wring/core/detail/ip_text.hpp>

namespace wring::detail {
namespace {

struct run {
  std::size_t begin = 0;
  std::size_t length = 0;
};

/// The first of the longest runs of zero groups; a lone zero is not shortened (RFC 5952, sections 4.2.2 and 4.2.3).
run longest_zero_run(std::span<const unsigned, 8> groups) noexcept {
  run best{.begin = 8, .length = 1};
  for (std::size_t i = 0; i < groups.size();) {
    const auto end = std::find_if(groups.begin() + i, groups.end(), [](unsigned group) { return group != 0; });
    const auto length = static_cast<std::size_t>(end - groups.begin()) - i;
    if (length > best.length) best = {.begin = i, .length = length};
    i += length + 1;
  }
  return best.begin == 8 ? run{.begin = 8} : best;
}

}  // namespace

void append_ipv4(std::string& out, std::span<const unsigned char, 4> address) {
  std::array<char, sizeof "255.255.255.255"> text;
  char* at = text.data();
  for (const unsigned char part : address) {
    if (at != text.data()) *at++ = '.';
    at = std::to_chars(at, text.data() + text.size(), part).ptr;
  }
  out.append(text.data(), at);
}

void append_ipv6(std::string& out, std::span<const unsigned char, 16> address, std::uint32_t scope) {
  std::array<unsigned, 8> groups{};
  for (std::size_t i = 0; i < groups.size(); ++i) groups[i] = address[2 * i] * 256U + address[2 * i + 1];

  const auto is_zero = [](unsigned group) { return group == 0; };
  if (std::all_of(groups.begin(), groups.begin() + 5, is_zero) && groups[5] == 0xffff) {
    out += "::ffff:";
    append_ipv4(out, address.last<4>());
  } else {
    const run zeros = longest_zero_run(groups);
    for (std::size_t i = 0; i < groups.size();) {
      if (i == zeros.begin) {
        out += "::";
        i += zeros.length;
      } else {
        const bool first = i == 0 || i == zeros.begin + zeros.length;
        fmt::format_to(std::back_inserter(out), "{}{:x}", first ? "" : ":", groups[i++]);
      }
    }
  }
  if (scope != 0) fmt::format_to(std::back_inserter(out), "%{}", scope);
}

}  // namespace wring::detail
