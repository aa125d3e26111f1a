// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <sys/types.h>

#include <wring/config.hpp>
#include <wring/core/detail/export.hpp>

namespace wring::detail {

/// A scheduler as the checks of `home` know it, for as long as it lives. Made on its thread.
class WRING_API scheduler_identity {
 public:
#if WRING_CHECKS
  scheduler_identity() noexcept { begin(); }
  ~scheduler_identity() { end(); }
#else
  scheduler_identity() noexcept = default;
#endif
  scheduler_identity(const scheduler_identity&) = delete;
  scheduler_identity& operator=(const scheduler_identity&) = delete;

  /// Checked builds end the process if this thread is not the scheduler's: `object` ("a timer") is used on it. The
  /// message names both.
  void use([[maybe_unused]] const char* object) const noexcept {
#if WRING_CHECKS
    check(object);
#endif
  }

 private:
  friend class home;
  void begin() noexcept;
  void end() noexcept;
  void check(const char* object) const noexcept;

  std::uint32_t number_ = 0;
  ::pid_t thread_number_ = 0;
  std::uintptr_t thread_ = 0;
  scheduler_identity* next_ = nullptr;
};

/// Which scheduler an object belongs to: the first that uses it, until that has ended. Schedulers that take turns on
/// one thread may share it, and what no scheduler has used is nobody's.
class WRING_API home {
 public:
  /// Checked builds end the process if the object belongs to a scheduler of another thread. The message names both.
  void use([[maybe_unused]] const char* object) noexcept {
#if WRING_CHECKS
    check(object);
#endif
  }

 private:
  void check(const char* object) noexcept;

  std::uint32_t number_ = 0;
};

}  // namespace wring::detail
