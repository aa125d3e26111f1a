// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstring>
#if defined(__SSE2__)
#include <array>
#include <emmintrin.h>
#endif

#include <wring/protocols/http/detail/characters.hpp>

namespace wring::http::detail::terminated {

/// Text that is followed by so many zero bytes, which belong to the same memory: what is looked for ends before a zero,
/// so that no step of the search has to ask whether the text does, and it is read by pieces of that size. None of these
/// reads or writes beyond the zeros.
inline constexpr std::size_t zeros = 16;

inline void terminate(char* end) noexcept { std::memset(end, 0, zeros); }

#if defined(__SSE2__)

namespace sse2 {

static_assert(sizeof(__m128i) == zeros);

[[nodiscard]] inline __m128i load(const char* at) noexcept {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
}
/// Bytes from `first` on, `count` of them, are all ones in what is returned. Signed comparison, hence the offset.
template <char first, int count>
[[nodiscard]] inline __m128i in_range(__m128i bytes) noexcept {
  const __m128i moved = _mm_add_epi8(bytes, _mm_set1_epi8(static_cast<char>(-128 - first)));
  return _mm_cmplt_epi8(moved, _mm_set1_epi8(static_cast<char>(-128 + count)));
}
/// Of those that are: the number before the first that is not.
[[nodiscard]] inline int leading(__m128i wanted) noexcept {
  const unsigned others = ~static_cast<unsigned>(_mm_movemask_epi8(wanted));
  return __builtin_ctz(others);  // the upper half is ones
}

/// Ones before zeros: from 16 - n on, there are n.
inline constexpr auto prefixes = [] {
  std::array<char, 2 * zeros> ones{};
  for (std::size_t i = 0; i != zeros; ++i) ones[i] = -1;
  return ones;
}();

}  // namespace sse2

/// The first byte that is no value character, see is_value_character.
[[nodiscard]] inline const char* end_of_value(const char* at) noexcept {
  for (;;) {
    const __m128i bytes = sse2::load(at);
    const __m128i found = _mm_or_si128(_mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)), bytes),
                                       _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x7f)));
    const int mask = _mm_movemask_epi8(found);
    if (mask == 0) {
      at += zeros;
      continue;
    }
    at += __builtin_ctz(static_cast<unsigned>(mask));
    if (*at != '\t') return at;
    ++at;  // the control that values may have, and hardly do
  }
}

/// The first byte that is a blank or a control.
[[nodiscard]] inline const char* end_of_visible(const char* at) noexcept {
  for (;; at += zeros) {
    const __m128i bytes = sse2::load(at);
    const __m128i found = _mm_or_si128(_mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x20)), bytes),
                                       _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x7f)));
    if (const int mask = _mm_movemask_epi8(found); mask != 0) return at + __builtin_ctz(static_cast<unsigned>(mask));
  }
}

/// Makes the token that begins here lower case. Returns its end.
[[nodiscard]] inline char* lower_token(char* at) noexcept {
  for (;;) {
    const __m128i bytes = sse2::load(at);
    const __m128i to_lower = _mm_and_si128(sse2::in_range<'A', 26>(bytes), _mm_set1_epi8(0x20));
    const __m128i usual = _mm_or_si128(
        _mm_or_si128(sse2::in_range<'a', 26>(_mm_or_si128(bytes, to_lower)), sse2::in_range<'0', 10>(bytes)),
        _mm_cmpeq_epi8(bytes, _mm_set1_epi8('-')));
    const int count = sse2::leading(usual);
    const __m128i of_token = sse2::load(sse2::prefixes.data() + zeros - count);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(at), _mm_or_si128(bytes, _mm_and_si128(to_lower, of_token)));
    at += count;
    if (count == static_cast<int>(zeros)) continue;
    if (!is_token_character(*at)) return at;
    ++at;  // one of those that names hardly have
  }
}

/// The first byte that is no letter, digit, hyphen or dot.
[[nodiscard]] inline const char* end_of_plain_name(const char* at) noexcept {
  for (;; at += zeros) {
    const __m128i bytes = sse2::load(at);
    const __m128i lower_case = _mm_or_si128(bytes, _mm_set1_epi8(0x20));
    const __m128i hyphen_or_dot =
        _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('-')), _mm_cmpeq_epi8(bytes, _mm_set1_epi8('.')));
    const __m128i plain =
        _mm_or_si128(_mm_or_si128(sse2::in_range<'a', 26>(lower_case), sse2::in_range<'0', 10>(bytes)), hyphen_or_dot);
    if (const int count = sse2::leading(plain); count != static_cast<int>(zeros)) return at + count;
  }
}

#else

/// The first byte that is no value character, see is_value_character.
[[nodiscard]] inline const char* end_of_value(const char* at) noexcept {
  while (is_value_character(*at)) ++at;
  return at;
}

/// The first byte that is a blank or a control.
[[nodiscard]] inline const char* end_of_visible(const char* at) noexcept {
  while (static_cast<unsigned char>(*at) > ' ' && *at != '\x7f') ++at;
  return at;
}

/// Makes the token that begins here lower case. Returns its end.
[[nodiscard]] inline char* lower_token(char* at) noexcept {
  for (char c = 0; (c = detail::lower_token[static_cast<unsigned char>(*at)]) != 0; ++at) *at = c;
  return at;
}

/// The first byte that is no letter, digit, hyphen or dot.
[[nodiscard]] inline const char* end_of_plain_name(const char* at) noexcept {
  while (is_digit(*at) || (lower(*at) >= 'a' && lower(*at) <= 'z') || *at == '-' || *at == '.') ++at;
  return at;
}

#endif

}  // namespace wring::http::detail::terminated
