// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

namespace wring::detail {

/// A clock that a scheduler reads instead of its engine's, see `scheduler::use_clock`. Times are nanoseconds. The
/// scheduler's thread.
class time_source {
 public:
  time_source(const time_source&) = delete;
  time_source& operator=(const time_source&) = delete;

  [[nodiscard]] virtual std::int64_t now() const noexcept = 0;

  /// How long a turn that has nothing else to do waits for `deadline`, the nearest one: a time of the engine's clock,
  /// engine::no_wait or engine::no_deadline.
  [[nodiscard]] virtual std::int64_t wait_until(std::int64_t deadline) const noexcept = 0;

  /// A turn might wait, and there is nothing to do before `deadline`. Whether the clock has moved to it.
  [[nodiscard]] virtual bool skip_to(std::int64_t deadline) noexcept = 0;

 protected:
  time_source() noexcept = default;
  ~time_source() = default;
};

}  // namespace wring::detail
