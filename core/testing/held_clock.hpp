// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>

#include <wring/core/detail/scheduling/scheduler_service.hpp>
#include <wring/core/detail/scheduling/time_source.hpp>
#include <wring/core/engine/engine.hpp>

namespace wring::detail {

/// What a scheduler reads the time from once a `testing::clock` has held it: stands while it is held, and runs on from
/// there afterwards, as long as the scheduler exists.
class WRING_API held_clock final : public scheduler_service, public time_source {
 public:
  static constexpr char key = 0;

  explicit held_clock(scheduler& s) noexcept;

  [[nodiscard]] bool held() const noexcept { return held_; }
  void hold() noexcept;
  void let_go() noexcept;

  /// Must not move back.
  void move_to(std::int64_t time) noexcept;
  void jump_when_idle(bool on) noexcept { jump_when_idle_ = on; }

  [[nodiscard]] std::int64_t now() const noexcept override { return held_ ? held_at_ : engine_.now() + offset_; }
  [[nodiscard]] std::int64_t wait_until(std::int64_t deadline) const noexcept override;
  [[nodiscard]] bool skip_to(std::int64_t deadline) noexcept override;

 private:
  [[nodiscard]] bool deliver(std::size_t) noexcept override { return false; }
  [[nodiscard]] bool drop() noexcept override { return false; }
  void close() noexcept override {}

  scheduler& scheduler_;
  engine& engine_;
  std::int64_t offset_ = 0;   // added to the engine's time
  std::int64_t held_at_ = 0;  // the time while it is held
  bool held_ = false;
  bool jump_when_idle_ = false;
};

}  // namespace wring::detail
