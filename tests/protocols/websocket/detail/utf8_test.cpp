// SPDX-License-Identifier: MIT
#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/protocols/websocket/detail/utf8.hpp>

using namespace wring::ws::detail;

namespace {

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

/// RFC 3629's grammar, rule by rule (section 4): what the validator is compared with.
struct reference {
  unsigned due = 0;
  unsigned least = 0x80;
  unsigned most = 0xbf;
  bool valid = true;

  void feed(std::string_view text) {
    for (const char c : text) byte(static_cast<unsigned char>(c));
  }
  void byte(unsigned b) {
    if (!valid) return;
    if (due != 0) {
      valid = b >= least && b <= most;
      --due;
      least = 0x80;
      most = 0xbf;
    } else if (b >= 0xc2 && b <= 0xdf) {
      due = 1;
    } else if (b >= 0xe0 && b <= 0xef) {
      due = 2;
      if (b == 0xe0) least = 0xa0;
      if (b == 0xed) most = 0x9f;
    } else if (b >= 0xf0 && b <= 0xf4) {
      due = 3;
      if (b == 0xf0) least = 0x90;
      if (b == 0xf4) most = 0x8f;
    } else {
      valid = b < 0x80;
    }
  }
};

void check_text(std::string_view text) {
  reference expected;
  expected.feed(text);
  CAPTURE(text.size());
  REQUIRE(is_utf8(bytes_of(text)) == (expected.valid && expected.due == 0));
  utf8_validator v;
  REQUIRE(v.feed(bytes_of(text)) == expected.valid);
  if (expected.valid) REQUIRE(v.complete() == (expected.due == 0));
}

/// In two pieces, at every place; each verdict is the reference's about what has come.
void check_cuts(std::string_view text) {
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    reference expected;
    utf8_validator v;
    expected.feed(text.substr(0, cut));
    REQUIRE(v.feed(bytes_of(text.substr(0, cut))) == expected.valid);
    if (!expected.valid) continue;
    expected.feed(text.substr(cut));
    REQUIRE(v.feed(bytes_of(text.substr(cut))) == expected.valid);
    if (expected.valid) REQUIRE(v.complete() == (expected.due == 0));
  }
}

std::string encoded(std::uint32_t c) {
  std::string out;
  if (c < 0x80) return std::string(1, static_cast<char>(c));
  const auto more = [&](unsigned shift) { out += static_cast<char>(0x80 | (c >> shift & 0x3f)); };
  if (c < 0x800) {
    out += static_cast<char>(0xc0 | c >> 6);
  } else if (c < 0x10000) {
    out += static_cast<char>(0xe0 | c >> 12);
    more(6);
  } else {
    out += static_cast<char>(0xf0 | c >> 18);
    more(12);
    more(6);
  }
  more(0);
  return out;
}

}  // namespace

TEST_CASE("every code point is UTF-8, and no surrogate is", "[websocket]") {
  for (std::uint32_t c = 0; c <= 0x110000; c += c < 0x3000 ? 1 : 61) {
    const bool valid = c < 0x110000 && (c < 0xd800 || c > 0xdfff);
    if (is_utf8(bytes_of(encoded(c))) != valid) FAIL(c);
    // Also where the vectors look.
    if (is_utf8(bytes_of(std::string(45, 'x') + encoded(c) + std::string(30, 'x'))) != valid) FAIL(c);
  }
}

TEST_CASE("every sequence of up to three bytes is judged as the grammar has it, and so is its place", "[websocket]") {
  for (const std::size_t offset : {std::size_t{0}, std::size_t{30}, std::size_t{62}}) {
    std::string text(offset, 'a');
    text.resize(offset + 3);
    for (unsigned a = 0x7e; a < 0x100; ++a) {
      for (unsigned b = 0x7e; b < 0x100; b += offset == 0 ? 1 : 3) {
        for (const unsigned c : {0x00U, 0x41U, 0x7fU, 0x80U, 0x8fU, 0x90U, 0x9fU, 0xa0U, 0xbfU, 0xc0U, 0xe1U, 0xffU}) {
          text[offset] = static_cast<char>(a);
          text[offset + 1] = static_cast<char>(b);
          text[offset + 2] = static_cast<char>(c);
          check_text(text);
        }
      }
    }
  }
}

TEST_CASE("every sequence of four bytes at the bounds is judged as the grammar has it", "[websocket]") {
  for (unsigned a = 0xee; a < 0x100; ++a) {
    for (unsigned b = 0x7f; b < 0xc2; ++b) {
      for (const unsigned c : {0x7fU, 0x80U, 0xbfU, 0xc0U}) {
        for (const unsigned d : {0x7fU, 0x80U, 0xbfU, 0xc0U}) {
          const std::string four{static_cast<char>(a), static_cast<char>(b), static_cast<char>(c),
                                 static_cast<char>(d)};
          check_text(four);
          check_text(std::string(61, 'a') + four + std::string(5, 'a'));
        }
      }
    }
  }
}

TEST_CASE("text in pieces, and text with faults, is judged as the grammar has it", "[websocket]") {
  std::mt19937 random(7);
  const std::vector<std::uint32_t> some = {'a',    0x7f,   0x80,   0x7ff,   0x800,   0x4e2d,
                                           0xd7ff, 0xe000, 0xffff, 0x10000, 0x10ffff};
  for (unsigned round = 0; round != 300; ++round) {
    std::string text;
    const std::size_t wanted = random() % 200;
    const bool mostly_ascii = round % 3 == 0;
    while (text.size() < wanted)
      text += encoded(mostly_ascii && random() % 16 != 0 ? 'x' : some[random() % some.size()]);
    check_text(text);
    check_cuts(text);
    if (text.empty()) continue;
    for (unsigned fault = 0; fault != 10; ++fault) {
      std::string broken = text;
      broken[random() % broken.size()] = static_cast<char>(random());
      check_text(broken);
      if (fault == 0) check_cuts(broken);
    }
  }
}
