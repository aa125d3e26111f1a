// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstring>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include <wring/protocols/websocket/detail/utf8.hpp>

namespace wring::ws::detail {

namespace {

/// How many bytes a character has that begins with this one; 0: none begins so.
std::size_t length_of(unsigned lead) noexcept {
  if (lead < 0x80) return 1;
  if (lead < 0xc2 || lead > 0xf4) return 0;
  return lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
}

/// Whether a character may begin with these, at least one and not more than it has.
bool may_begin(const std::byte* bytes, std::size_t size) noexcept {
  const auto lead = std::to_integer<unsigned>(bytes[0]);
  const std::size_t length = length_of(lead);
  if (length == 0) return false;
  for (std::size_t i = 1; i < size; ++i) {
    const auto byte = std::to_integer<unsigned>(bytes[i]);
    unsigned least = 0x80;
    unsigned most = 0xbf;
    if (i == 1) {
      if (lead == 0xe0) least = 0xa0;  // overlong
      if (lead == 0xed) most = 0x9f;   // surrogates
      if (lead == 0xf0) least = 0x90;  // overlong
      if (lead == 0xf4) most = 0x8f;   // above U+10FFFF
    }
    if (byte < least || byte > most) return false;
  }
  return true;
}

/// How many bytes at the end belong to a character that does not end there, or to none.
std::size_t begun_at_end(const std::byte* bytes, std::size_t size) noexcept {
  for (std::size_t back = 1; back <= 3 && back <= size; ++back) {
    const auto byte = std::to_integer<unsigned>(bytes[size - back]);
    if (byte < 0x80) return 0;
    if (byte >= 0xc0) return length_of(byte) - 1 < back ? 0 : back;  // a length of zero is none
  }
  return 0;
}

bool check_scalar(const std::byte* bytes, std::size_t size) noexcept {
  std::size_t at = 0;
  while (at != size) {
    std::uint64_t word = 0;
    if (size - at >= 8) {
      std::memcpy(&word, bytes + at, 8);
      if ((word & 0x8080808080808080U) == 0) {
        at += 8;
        continue;
      }
    }
    const std::size_t length = length_of(std::to_integer<unsigned>(bytes[at]));
    if (length == 0 || length > size - at || !may_begin(bytes + at, length)) return false;
    at += length;
  }
  return true;
}

#if defined(__x86_64__)
// Every fault shows in two bytes that follow each other: for each of three half bytes of such a pair a table says which
// faults they allow, and what all three allow is one. Only whether a third and a fourth byte continue is asked apart.
// (J. Keiser, D. Lemire: Validating UTF-8 in less than one instruction per byte, 2021.)
enum fault : unsigned {
  too_short = 1,                                     // 11______ 0_______ and 11______ 11______
  too_long = 2,                                      // 0_______ 10______
  overlong_3 = 4,                                    // 11100000 100_____
  too_large = 8,                                     // 11110100 101_____ and the like
  surrogate = 16,                                    // 11101101 101_____
  overlong_2 = 32,                                   // 1100000_ 10______
  too_large_8 = 64,                                  // 11110101 1000____ and above
  overlong_4 = 64,                                   // 11110000 1000____
  two_follow = 128,                                  // 10______ 10______: right if a third or fourth byte is due
  whatever_low = too_short | too_long | two_follow,  // faults in which the first byte's low half plays no part
};

constexpr std::array<std::uint8_t, 16> of_first_high = {
    too_long,
    too_long,
    too_long,
    too_long,
    too_long,
    too_long,
    too_long,
    too_long,
    two_follow,
    two_follow,
    two_follow,
    two_follow,
    too_short | overlong_2,
    too_short,
    too_short | overlong_3 | surrogate,
    too_short | too_large | too_large_8 | overlong_4,
};
constexpr std::array<std::uint8_t, 16> of_first_low = {
    whatever_low | overlong_3 | overlong_2 | overlong_4,
    whatever_low | overlong_2,
    whatever_low,
    whatever_low,
    whatever_low | too_large,
    whatever_low | too_large | too_large_8,
    whatever_low | too_large | too_large_8,
    whatever_low | too_large | too_large_8,
    whatever_low | too_large | too_large_8,
    whatever_low | too_large | too_large_8,
    whatever_low | too_large | too_large_8,
    whatever_low | too_large | too_large_8,
    whatever_low | too_large | too_large_8,
    whatever_low | too_large | too_large_8 | surrogate,
    whatever_low | too_large | too_large_8,
    whatever_low | too_large | too_large_8,
};
constexpr std::array<std::uint8_t, 16> of_second_high = {
    too_short,
    too_short,
    too_short,
    too_short,
    too_short,
    too_short,
    too_short,
    too_short,
    too_long | overlong_2 | two_follow | overlong_3 | too_large_8 | overlong_4,
    too_long | overlong_2 | two_follow | overlong_3 | too_large,
    too_long | overlong_2 | two_follow | surrogate | too_large,
    too_long | overlong_2 | two_follow | surrogate | too_large,
    too_short,
    too_short,
    too_short,
    too_short,
};

#define WRING_AVX2 [[gnu::target("avx2"), gnu::always_inline]] inline

WRING_AVX2 __m256i load_table(const std::array<std::uint8_t, 16>& table) noexcept {
  return _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(table.data())));
}
WRING_AVX2 __m256i high_halves(__m256i bytes) noexcept {
  return _mm256_and_si256(_mm256_srli_epi16(bytes, 4), _mm256_set1_epi8(0x0f));
}
/// The bytes that stand so many places before these.
template <int Places>
WRING_AVX2 __m256i before(__m256i bytes, __m256i last) noexcept {
  return _mm256_alignr_epi8(bytes, _mm256_permute2x128_si256(last, bytes, 0x21), 16 - Places);
}

WRING_AVX2 __m256i faults(__m256i bytes, __m256i last) noexcept {
  const __m256i first = before<1>(bytes, last);
  const __m256i pair = _mm256_and_si256(
      _mm256_and_si256(_mm256_shuffle_epi8(load_table(of_first_high), high_halves(first)),
                       _mm256_shuffle_epi8(load_table(of_first_low), _mm256_and_si256(first, _mm256_set1_epi8(0x0f)))),
      _mm256_shuffle_epi8(load_table(of_second_high), high_halves(bytes)));
  const __m256i third = _mm256_subs_epu8(before<2>(bytes, last), _mm256_set1_epi8(0xe0 - 0x80));
  const __m256i fourth = _mm256_subs_epu8(before<3>(bytes, last), _mm256_set1_epi8(0xf0 - 0x80));
  const __m256i due = _mm256_and_si256(_mm256_or_si256(third, fourth), _mm256_set1_epi8(static_cast<char>(0x80)));
  return _mm256_xor_si256(due, pair);
}

/// What ends inside of a character has been cut off.
[[gnu::target("avx2")]] bool check_avx2(const std::byte* bytes, std::size_t size) noexcept {
  __m256i last = _mm256_setzero_si256();
  __m256i found = _mm256_setzero_si256();
  std::size_t at = 0;
  bool ascii = true;  // the last ones were
  for (; size - at >= 64; at += 64) {
    const __m256i a = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(bytes + at));
    const __m256i b = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(bytes + at + 32));
    if (ascii && _mm256_movemask_epi8(_mm256_or_si256(a, b)) == 0) continue;
    if (ascii) last = _mm256_setzero_si256();
    found = _mm256_or_si256(found, _mm256_or_si256(faults(a, last), faults(b, a)));
    last = b;
    ascii = _mm256_movemask_epi8(b) == 0;
  }
  if (ascii) last = _mm256_setzero_si256();
  for (; at < size; at += 32) {
    alignas(32) std::array<std::byte, 32> rest{};  // zeros are characters
    std::memcpy(rest.data(), bytes + at, std::min<std::size_t>(32, size - at));
    const __m256i a = _mm256_load_si256(reinterpret_cast<const __m256i*>(rest.data()));
    found = _mm256_or_si256(found, faults(a, last));
    last = a;
  }
  return _mm256_testz_si256(found, found) != 0;
}

#undef WRING_AVX2
#endif

using checker = bool (*)(const std::byte* bytes, std::size_t size) noexcept;

checker best_checker() noexcept {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2")) return check_avx2;
#endif
  return check_scalar;
}

/// Of bytes that do not end inside of a character.
bool check(const std::byte* bytes, std::size_t size) noexcept {
  constexpr std::size_t worth_dispatching = 32;
  if (size < worth_dispatching) return check_scalar(bytes, size);
  static const checker best = best_checker();
  return best(bytes, size);
}

}  // namespace

bool is_utf8(std::span<const std::byte> bytes) noexcept {
  return begun_at_end(bytes.data(), bytes.size()) == 0 && check(bytes.data(), bytes.size());
}

bool utf8_validator::feed(std::span<const std::byte> piece) noexcept {
  while (size_ != 0 && !piece.empty()) {
    begun_[size_++] = piece.front();
    piece = piece.subspan(1);
    if (!may_begin(begun_.data(), size_)) return false;
    if (size_ == length_of(std::to_integer<unsigned>(begun_[0]))) size_ = 0;
  }
  if (piece.empty()) return true;
  const std::size_t begun = begun_at_end(piece.data(), piece.size());
  const std::size_t whole = piece.size() - begun;
  // What is cut off may itself cut a character off.
  if (begun != 0 && begun_at_end(piece.data(), whole) != 0) return false;
  if (!check(piece.data(), whole)) return false;
  if (begun == 0) return true;
  if (!may_begin(piece.data() + whole, begun)) return false;
  std::memcpy(begun_.data(), piece.data() + whole, begun);
  size_ = static_cast<std::uint8_t>(begun);
  return true;
}

}  // namespace wring::ws::detail
