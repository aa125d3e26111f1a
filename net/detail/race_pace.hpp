// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <utility>

#include <wring/core/awaiter.hpp>
#include <wring/core/duration.hpp>
#include <wring/core/scheduler.hpp>

namespace wring::net::detail {

/// Decides when the next attempt of a `connect_race` begins, and lets the race wait until then. One task waits at a
/// time.
class race_pace {
 public:
  explicit race_pace(duration delay) noexcept : delay_(delay) {}
  race_pace(const race_pace&) = delete;
  race_pace& operator=(const race_pace&) = delete;

  void begin() {
    scheduler_ = &scheduler::current();
    begun_ = scheduler_->clock_now();
  }
  /// Since begin().
  [[nodiscard]] duration elapsed() const noexcept { return std::chrono::nanoseconds(scheduler_->clock_now() - begun_); }

  [[nodiscard]] std::size_t running() const noexcept { return running_; }
  [[nodiscard]] bool may_start() const noexcept { return running_ == 0 || failures_ != 0 || rest() <= duration(); }
  /// The time until the next attempt begins if none fails.
  [[nodiscard]] duration rest() const noexcept { return next_ - elapsed(); }

  void started(bool others_wait) noexcept {
    ++running_;
    next_ = elapsed() + delay_;
    if (failures_ != 0) --failures_;
    if (!others_wait) failures_ = 0;
  }
  void ended() noexcept {
    --running_;
    wake();
  }
  /// An attempt has failed; if others wait, the next of them begins in its place.
  void failed(bool others_wait) noexcept {
    if (others_wait) ++failures_;
  }

  void wake() noexcept {
    awake_ = true;
    if (waiting_ != nullptr) std::exchange(waiting_, nullptr)->wake();
  }
  /// Waits for wake(); ends at once if that has been called since the last time. Returning.
  [[nodiscard]] auto change() noexcept { return race_wait(*this); }

 private:
  class race_wait final : public leaf<race_wait, void> {
   public:
    explicit race_wait(race_pace& pace) noexcept : pace_(pace) {}
    bool ready() noexcept { return pace_.awake_; }
    void suspend() noexcept { pace_.waiting_ = this; }
    void cancel() noexcept override {
      pace_.waiting_ = nullptr;
      confirm_cancel();
    }
    void take() noexcept { pace_.awake_ = false; }
    wait_description describe() const noexcept override { return {.operation = "attempts to connect"}; }
    void wake() noexcept { complete(); }

   private:
    race_pace& pace_;
  };

  duration delay_;
  duration next_ = {};
  scheduler* scheduler_ = nullptr;
  std::int64_t begun_ = 0;
  std::size_t running_ = 0;
  std::size_t failures_ = 0;  // not replaced by another attempt yet
  race_wait* waiting_ = nullptr;
  bool awake_ = false;
};

}  // namespace wring::net::detail
