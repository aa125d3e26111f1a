// SPDX-License-Identifier: MIT
// Any bytes, cut in any way: a format finds the same as in all of them at once, reads nothing else, and what it has
// found is what it would send. The first bytes of the input are the limit and how to cut.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>

#include <wring/protocols/framing/int_string_format.hpp>
#include <wring/protocols/framing/line_format.hpp>
#include <wring/protocols/framing/netstring_format.hpp>

#include "support/frames.hpp"

namespace {

using namespace wring::framing;

#if defined(FORMAT_line)
line_format make(unsigned kind, std::size_t limit) {
  constexpr std::string_view delimiters[] = {"\r\n", "\n", "aab", "\r\r\n"};
  return line_format({.delimiter = delimiters[kind % 4], .limit = limit});
}
#elif defined(FORMAT_netstring)
netstring_format make(unsigned, std::size_t limit) { return netstring_format(limit); }
#else
int_string_format make(unsigned kind, std::size_t limit) {
  constexpr int_width widths[] = {int_width::int8, int_width::int16, int_width::int32};
  return int_string_format(widths[kind % 3], limit);
}
#endif

// A copy without slack: reading past its end is seen.
std::string exactly(std::string_view text) { return std::string(text); }

void check(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 3) return 0;
  const std::string text = exactly({reinterpret_cast<const char*>(data) + 3, size - 3});
  const std::size_t limit = 1 + data[1] % 64;
  auto whole = make(data[0], limit);
  const std::string expected = wring::tests::frames_in(whole, text, [&](std::size_t) { return text.size(); });
  auto cut = make(data[0], limit);
  unsigned state = data[2];
  const std::string found = wring::tests::frames_in(cut, text, [&](std::size_t shown) {
    state = state * 1103515245U + 12345U;
    return shown + 1 + (state >> 16) % 5;
  });
  check(found == expected);

  auto first = make(data[0], limit);
  const auto frame = first.find(std::as_bytes(std::span(text)));
  if (frame && *frame) {
    const wring::framing::frame_extent& extent = **frame;
    check(extent.size <= limit && extent.whole() <= text.size());
    const std::string payload = text.substr(extent.head, extent.size);
    const frame_edges edges = first.edges(payload);
    check(std::string(edges.head()).append(payload).append(edges.tail) == text.substr(0, extent.whole()));
  }
  return 0;
}
