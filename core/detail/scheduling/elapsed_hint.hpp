// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

namespace wring::detail {

/// Says whether some time has passed, a second or so, for less than it costs to ask for the time: by the
/// processor's counter of cycles. True where there is none.
class elapsed_hint {
 public:
  /// True if so much time has passed since this was true last.
  [[nodiscard]] bool passed() noexcept {
#if defined(__x86_64__)
    const std::uint64_t now = __builtin_ia32_rdtsc();
    constexpr std::uint64_t limit = std::uint64_t{1} << 32;  // 1.4 s at 3 GHz
#elif defined(__aarch64__)
    std::uint64_t now = 0;
    __asm__ volatile("mrs %0, cntvct_el0" : "=r"(now));
    constexpr std::uint64_t limit = std::uint64_t{1} << 25;  // 1.3 s at 25 MHz, less at 1 GHz
#else
    const std::uint64_t now = last_ + 1;
    constexpr std::uint64_t limit = 0;
#endif
    if (now - last_ < limit) [[likely]]
      return false;
    last_ = now;
    return true;
  }

 private:
  std::uint64_t last_ = 0;
};

}  // namespace wring::detail
