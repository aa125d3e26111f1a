// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <memory>
#include <type_traits>
#include <utility>

#include <wring/core/detail/awaiting/bound_task.hpp>
#include <wring/core/detail/export.hpp>
#include <wring/core/detail/flows/flow.hpp>
#include <wring/core/scheduler.hpp>

namespace wring::detail {

/// The flow of the main task.
class WRING_API main_flow : public flow {
 public:
  explicit main_flow(scheduler& s) noexcept : flow(s, s.root_scope(), nullptr) {}
  virtual ~main_flow();

  /// What the program ends with; rethrows what main threw.
  virtual int exit_code() = 0;

  [[nodiscard]] const bool& done() const noexcept { return done_; }
  [[nodiscard]] bool cancelled_at_end() const noexcept { return cancelled_at_end_; }

 private:
  void ended(bool by_cancellation) noexcept override {
    done_ = true;
    cancelled_at_end_ = by_cancellation;
  }
  bool done_ = false;
  bool cancelled_at_end_ = false;
};

/// The same with what it runs.
template <class Main, class... Args>
class main_of final : public main_flow {
 public:
  template <class M, class... As>
  explicit main_of(scheduler& s, M&& main, As&&... args)
      : main_flow(s), work_(std::forward<M>(main), std::forward<As>(args)...) {}

  int exit_code() override {
    using value = typename bound_task<Main, Args...>::task_type::value_type;
    if constexpr (std::is_void_v<value>) {
      work_.task.take();
      return 0;
    } else {
      static_assert(std::convertible_to<value, int>, "the main task returns void or int");
      return work_.task.take();
    }
  }

 private:
  bool begin() override { return work_.task.begin_await(*this); }

  bound_task<Main, Args...> work_;
};

/// Makes the main flow once there is a scheduler.
struct main_factory {
  virtual std::unique_ptr<main_flow> make(scheduler& s) = 0;

 protected:
  ~main_factory() = default;
};

}  // namespace wring::detail
