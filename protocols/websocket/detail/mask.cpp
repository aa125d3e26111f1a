// SPDX-License-Identifier: MIT
#include <cstdint>
#include <cstring>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include <wring/protocols/websocket/detail/mask.hpp>

namespace wring::ws::detail {

namespace {

using masker = void (*)(const std::byte* from, std::byte* to, std::size_t size, mask_key key) noexcept;

/// Eight bytes at a time: what all processors can do.
void mask_words(const std::byte* from, std::byte* to, std::size_t size, mask_key key) noexcept {
  std::uint64_t doubled = 0;
  std::memcpy(&doubled, key.data(), 4);
  std::memcpy(reinterpret_cast<std::byte*>(&doubled) + 4, key.data(), 4);
  std::size_t at = 0;
  for (; size - at >= 8; at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, from + at, 8);
    word ^= doubled;
    std::memcpy(to + at, &word, 8);
  }
  for (; at != size; ++at) to[at] = from[at] ^ key[at % 4];
}

#if defined(__x86_64__)
[[gnu::target("avx2")]] void mask_avx2(const std::byte* from, std::byte* to, std::size_t size, mask_key key) noexcept {
  std::int32_t word = 0;
  std::memcpy(&word, key.data(), 4);
  const __m256i all = _mm256_set1_epi32(word);
  std::size_t at = 0;
  for (; size - at >= 32; at += 32) {
    const __m256i bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + at));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + at), _mm256_xor_si256(bytes, all));
  }
  mask_words(from + at, to + at, size - at, key);
}
#endif

masker best_masker() noexcept {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2")) return mask_avx2;
#endif
  return mask_words;
}

/// Below this a call through a pointer takes longer than it saves.
constexpr std::size_t worth_dispatching = 64;

mask_key mask(const std::byte* from, std::byte* to, std::size_t size, mask_key key) noexcept {
  if (size < worth_dispatching) {
    mask_words(from, to, size, key);
  } else {
    static const masker best = best_masker();
    best(from, to, size, key);
  }
  mask_key next;
  for (std::size_t i = 0; i != next.size(); ++i) next[i] = key[(size + i) % 4];
  return next;
}

}  // namespace

mask_key apply_mask(std::span<std::byte> bytes, mask_key key) noexcept {
  return mask(bytes.data(), bytes.data(), bytes.size(), key);
}

mask_key copy_masked(std::span<const std::byte> from, std::byte* to, mask_key key) noexcept {
  return mask(from.data(), to, from.size(), key);
}

}  // namespace wring::ws::detail
