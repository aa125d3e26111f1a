// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <tuple>
#include <type_traits>
#include <utility>

#include <wring/core/callback/detail/callback_service.hpp>
#include <wring/core/callback/start_deferred.hpp>
#include <wring/core/detail/awaiting/bound_task.hpp>
#include <wring/core/detail/scheduling/frame_recycler.hpp>
#include <wring/core/detail/scheduling/timer_wheel.hpp>
#include <wring/core/scheduler.hpp>

namespace wring::detail {

/// A call that is to be made: a timer and the function. Its scheduler refers to it as long as it is pending, handles as
/// long as they exist. One thread.
class WRING_API pending_call : timer, outstanding_work {
 public:
  enum class status : std::uint8_t { pending, made, cancelled };

  pending_call(const pending_call&) = delete;
  pending_call& operator=(const pending_call&) = delete;

  void retain() noexcept { ++references_; }
  void release() noexcept {
    if (--references_ == 0) free_block();
  }

  /// Arms the timer, on behalf of the scheduler.
  void start(std::int64_t deadline) noexcept;
  void cancel();
  void reset(duration from_now);
  void delay(duration more);
  [[nodiscard]] bool active() const noexcept { return status_ == status::pending; }
  [[nodiscard]] std::int64_t deadline() const noexcept { return deadline_ns; }

 protected:
  explicit pending_call(callback_service& home) noexcept;
  ~pending_call() = default;

  virtual void call() = 0;
  /// Destroys the function.
  virtual void discard() noexcept = 0;
  virtual void free_block() noexcept = 0;

 private:
  static void expire(timer& t) noexcept;
  void check_pending(const char* what) const;
  void leave(status s) noexcept;
  void drop() noexcept override;

  callback_service* home_;
  std::uint32_t references_ = 1;
  status status_ = status::pending;
};

template <class Fn, class... Args>
class pending_call_of final : public pending_call {
 public:
  template <class F, class... As>
  explicit pending_call_of(callback_service& home, F&& fn, As&&... args) : pending_call(home) {
    ::new (static_cast<void*>(&work_)) work{std::forward<F>(fn), std::tuple<Args...>(std::forward<As>(args)...)};
  }
  pending_call_of(const pending_call_of&) = delete;
  pending_call_of& operator=(const pending_call_of&) = delete;
  ~pending_call_of() {}  // discard() has destroyed the work

  static void* operator new(std::size_t size) { return frame_recycler::allocate(size); }
  static void operator delete(void* block, std::size_t size) noexcept { frame_recycler::deallocate(block, size); }

 private:
  struct work {
    [[no_unique_address]] Fn fn;
    [[no_unique_address]] std::tuple<Args...> args;
  };

  void call() override {
    std::apply(
        [this](auto&... each) {
          if constexpr (is_task<std::invoke_result_t<Fn&, Args...>>) {
            static_cast<void>(start_deferred(std::move(work_.fn), static_cast<Args&&>(each)...));
          } else {
            static_cast<void>(std::invoke(work_.fn, static_cast<Args&&>(each)...));
          }
        },
        work_.args);
  }
  void discard() noexcept override { std::destroy_at(&work_); }
  void free_block() noexcept override { delete this; }

  union {
    work work_;
  };
};

}  // namespace wring::detail
