// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <utility>

#include <wring/core/awaiter.hpp>
#include <wring/core/scheduler.hpp>
#include <wring/core/task.hpp>
#include <wring/core/this_task.hpp>

namespace wring::tests {

/// Ends when the test says so, and is cancelled when the test says so: an operation of the kernel, in miniature.
struct manual_operation {
  class wait;
  wait* waiter = nullptr;
  int cancels = 0;  ///< how often cancel() was called

  [[nodiscard]] bool waiting() const noexcept { return waiter != nullptr; }
  void finish(int value);
  void confirm();
};

class manual_operation::wait : public leaf<wait, int> {
 public:
  explicit wait(manual_operation& of) noexcept : operation_(of) {}
  bool ready() noexcept { return false; }
  void suspend() noexcept { operation_.waiter = this; }
  void cancel() noexcept override { ++operation_.cancels; }
  int take() noexcept { return *value_; }
  wait_description describe() const noexcept override { return {.operation = "manual operation"}; }

 private:
  friend manual_operation;
  manual_operation& operation_;
  std::optional<int> value_;
};

inline void manual_operation::finish(int value) {
  wait* const w = std::exchange(waiter, nullptr);
  w->value_ = value;
  w->complete();
}
inline void manual_operation::confirm() { std::exchange(waiter, nullptr)->confirm_cancel(); }

/// Has always ended already.
class always_ready : public leaf<always_ready, void> {
 public:
  bool ready() noexcept { return true; }
  void suspend() noexcept {}
  void cancel() noexcept override {}
  void take() noexcept {}
  wait_description describe() const noexcept override { return {.operation = "always ready"}; }
};

/// Waits until it is cancelled.
class forever : public leaf<forever, void> {
 public:
  bool ready() noexcept { return false; }
  void suspend() noexcept {}
  void cancel() noexcept override { confirm_cancel(); }
  void take() noexcept {}
  wait_description describe() const noexcept override { return {.operation = "for ever"}; }
};

/// Lets the others run, so many times: long enough for what a few of them do one after the other.
inline task<> settle(int times = 5) {
  for (int i = 0; i != times; ++i) co_await yield();
}

}  // namespace wring::tests
