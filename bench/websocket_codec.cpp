// SPDX-License-Identifier: MIT
//
// What every message of a WebSocket costs without its sending: checking that a text is UTF-8, beside a table-driven
// automaton that takes a byte at a time, and unmasking, beside a copy.
//
//     bench_websocket_codec
//
// Prints a line of JSON for each, in nanoseconds, and the ratios. Each is timed in turn with what it is compared with,
// and the best of several rounds counts.

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <wring/protocols/websocket/detail/mask.hpp>
#include <wring/protocols/websocket/detail/utf8.hpp>

namespace {

using wring::ws::detail::mask_key;

/// An automaton for UTF-8: a class for each byte, and a state for what is still to come.
class automaton {
 public:
  automaton() noexcept {
    for (unsigned b = 0; b != 256; ++b) {
      class_of_[b] = b < 0x80               ? ascii
                     : b < 0x90             ? low
                     : b < 0xa0             ? middle
                     : b < 0xc0             ? high
                     : b < 0xc2 || b > 0xf4 ? never
                     : b < 0xe0             ? lead_2
                     : b == 0xe0            ? lead_e0
                     : b == 0xed            ? lead_ed
                     : b < 0xf0             ? lead_3
                     : b == 0xf0            ? lead_f0
                     : b == 0xf4            ? lead_f4
                                            : lead_4;
    }
    for (auto& row : next_) row.fill(broken);
    next_[start][ascii] = start;
    next_[start][lead_2] = one;
    next_[start][lead_3] = two;
    next_[start][lead_4] = three;
    next_[start][lead_e0] = after_e0;
    next_[start][lead_ed] = after_ed;
    next_[start][lead_f0] = after_f0;
    next_[start][lead_f4] = after_f4;
    for (const std::uint8_t c : {low, middle, high}) {
      next_[one][c] = start;
      next_[two][c] = one;
      next_[three][c] = two;
    }
    next_[after_e0][high] = one;
    next_[after_ed][low] = next_[after_ed][middle] = one;
    next_[after_f0][middle] = next_[after_f0][high] = two;
    next_[after_f4][low] = two;
  }

  [[nodiscard]] bool accepts(std::span<const std::byte> bytes) const noexcept {
    std::uint8_t state = start;
    for (const std::byte b : bytes) state = next_[state][class_of_[std::to_integer<unsigned>(b)]];
    return state == start;
  }

 private:
  enum kind : std::uint8_t {
    ascii,
    low,
    middle,
    high,
    never,
    lead_2,
    lead_3,
    lead_4,
    lead_e0,
    lead_ed,
    lead_f0,
    lead_f4,
    kinds
  };
  enum place : std::uint8_t { start, one, two, three, after_e0, after_ed, after_f0, after_f4, broken, places };

  std::array<std::uint8_t, 256> class_of_{};
  std::array<std::array<std::uint8_t, kinds>, places> next_{};
};

constexpr std::size_t size = 16 * 1024;
constexpr int rounds = 25;
constexpr int in_a_round = 200;

std::uint64_t sink = 0;

/// The best of several rounds, of each, in turn, in nanoseconds.
template <class A, class B>
void compare(std::string_view name, A ours, std::string_view other, B theirs) {
  double best[2] = {std::numeric_limits<double>::max(), std::numeric_limits<double>::max()};
  const auto timed = [](auto& work) {
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i != in_a_round; ++i) sink += work();
    const std::chrono::duration<double, std::nano> spent = std::chrono::steady_clock::now() - begin;
    return spent.count() / in_a_round;
  };
  for (int i = 0; i != rounds; ++i) {
    best[0] = std::min(best[0], timed(ours));
    best[1] = std::min(best[1], timed(theirs));
  }
  std::printf("{\"name\":\"%.*s\",\"ns\":%.1f,\"%.*s\":%.1f,\"ratio\":%.3f}\n", static_cast<int>(name.size()),
              name.data(), best[0], static_cast<int>(other.size()), other.data(), best[1], best[0] / best[1]);
}

}  // namespace

int main() {
  const automaton one_by_one;
  const std::string ascii(size, 'a');
  std::string cjk;
  while (cjk.size() + 3 <= size) cjk += "\xe4\xb8\xad";
  for (const auto& [name, text] : {std::pair<std::string_view, const std::string*>("utf8 16 KiB ascii", &ascii),
                                   std::pair<std::string_view, const std::string*>("utf8 16 KiB cjk", &cjk)}) {
    const auto bytes = std::as_bytes(std::span(*text));
    compare(
        name, [&] { return wring::ws::detail::is_utf8(bytes) ? 1U : 0U; }, "automaton",
        [&] { return one_by_one.accepts(bytes) ? 1U : 0U; });
  }
  for (const std::size_t length : {std::size_t{64}, std::size_t{1000}, size}) {
    std::vector<std::byte> bytes(length, std::byte{'x'});
    std::vector<std::byte> other(length);
    const mask_key key{std::byte{1}, std::byte{2}, std::byte{3}, std::byte{4}};
    const std::string name = "unmask " + std::to_string(length);
    compare(
        name, [&] { return std::to_integer<unsigned>(wring::ws::detail::apply_mask(bytes, key)[0]); }, "copy",
        [&] {
          std::memcpy(other.data(), bytes.data(), bytes.size());
          return std::to_integer<unsigned>(other[length / 2]);
        });
  }
  return sink == 0 ? 1 : 0;
}
