// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

namespace wring::detail {

/// Says whether about a millisecond has passed, for less than it costs to ask for the time: by the processor's counter
/// of cycles. True where there is none.
class millisecond_hint {
 public:
  /// True if something like a millisecond has passed since this was true last.
  [[nodiscard]] bool passed() noexcept {
#if defined(__x86_64__)
    const std::uint64_t now = __builtin_ia32_rdtsc();
    constexpr std::uint64_t about_a_millisecond = std::uint64_t{1} << 21;
#elif defined(__aarch64__)
    std::uint64_t now = 0;
    __asm__ volatile("mrs %0, cntvct_el0" : "=r"(now));
    constexpr std::uint64_t about_a_millisecond = std::uint64_t{1} << 15;
#else
    const std::uint64_t now = last_ + 1;
    constexpr std::uint64_t about_a_millisecond = 0;
#endif
    if (now - last_ < about_a_millisecond) [[likely]]
      return false;
    last_ = now;
    return true;
  }

 private:
  std::uint64_t last_ = 0;
};

}  // namespace wring::detail
