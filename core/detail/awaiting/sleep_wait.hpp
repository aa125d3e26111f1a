// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include <wring/core/awaiter.hpp>
#include <wring/core/detail/scheduling/timer_wheel.hpp>

namespace wring::detail {

/// Waits for a time of the scheduler's clock.
class WRING_API sleep_wait : public leaf<sleep_wait, void>, timer {
 public:
  explicit sleep_wait(std::int64_t deadline) noexcept
      : timer([](timer& t) noexcept { static_cast<sleep_wait&>(t).complete(); }, deadline) {}

  bool ready() noexcept;
  void suspend() noexcept;
  void cancel() noexcept override;
  void take() noexcept {}
  wait_description describe() const noexcept override { return {.operation = "sleep"}; }
};

}  // namespace wring::detail
