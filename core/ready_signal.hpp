// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include <wring/core/awaiter.hpp>
#include <wring/core/detail/flows/outcome.hpp>

namespace wring {

class nursery;

/// With this a child started by `nursery::start_ready` says that it is ready: call it once. Copies are the same signal.
template <class T = void>
class ready_signal {
 public:
  template <class... Value>
    requires(std::is_void_v<T> ? sizeof...(Value) == 0 : sizeof...(Value) == 1)
  void operator()(Value&&... value) const {
    state_->value.emplace(std::forward<Value>(value)...);
    state_->wake();
  }

 private:
  friend class nursery;

  class wait;
  struct state {
    std::optional<detail::storable<T>> value;
    wait* waiter = nullptr;
    bool dropped = false;
    void wake() noexcept {
      if (waiter != nullptr) std::exchange(waiter, nullptr)->wake();
    }
  };

  /// Tells the waiter when the last copy of the signal has been destroyed.
  struct end {
    std::shared_ptr<state> shared;
    explicit end(std::shared_ptr<state> s) noexcept : shared(std::move(s)) {}
    end(const end&) = delete;
    end& operator=(const end&) = delete;
    ~end() {
      shared->dropped = true;
      shared->wake();
    }
  };

  class wait : public leaf<wait, void> {
   public:
    explicit wait(state& s) noexcept : state_(s) {}
    bool ready() noexcept { return state_.value.has_value() || state_.dropped; }
    void suspend() noexcept { state_.waiter = this; }
    void cancel() noexcept override {
      state_.waiter = nullptr;
      this->confirm_cancel();
    }
    void take() noexcept {}
    wait_description describe() const noexcept override { return {.operation = "a child to be ready"}; }
    void wake() noexcept { this->complete(); }

   private:
    state& state_;
  };

  explicit ready_signal(const std::shared_ptr<state>& s) : state_(s), end_(std::make_shared<end>(s)) {}

  std::shared_ptr<state> state_;
  std::shared_ptr<end> end_;
};

}  // namespace wring
