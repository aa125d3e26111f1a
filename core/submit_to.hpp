// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <functional>
#include <future>
#include <memory>
#include <tuple>
#include <type_traits>
#include <utility>

#include <wring/core/detail/awaiting/stored_argument.hpp>
#include <wring/core/detail/awaiting/submit_wait.hpp>
#include <wring/core/detail/flows/main_flow.hpp>
#include <wring/core/scheduler.hpp>

namespace wring {

namespace detail {
template <class F, class... Args>
class submitted_call;
}

/// Runs `fn(args...)` on the scheduler `other`, and returns what it returns:
///
///     const std::size_t n = co_await wring::submit_to(owner, [] { return sessions().size(); });
///     co_await wring::submit_to(owner, store, std::move(key), std::move(value));
///
/// A function that returns a task, or something else to be awaited, runs as a task of the other scheduler's root
/// nursery; any other is called between its tasks, and must not take long. Callable and arguments are moved or copied
/// into the wait; pass std::ref for a reference, to what may be used there. An exception comes back as it is.
/// Task-locals and log fields do not go along. It may be the task's own scheduler.
///
/// Cancelled, it cancels the task over there and waits until that has ended; a value or exception that it ends with
/// anyway is delivered, and this task's next await is cancelled. A function that is no task is not interrupted.
///
/// Request, cancellation and answer need no room in an inbox: schedulers that submit to each other cannot block each
/// other. Nothing is allocated but the task. `other` must exist until this has ended: the schedulers of a `runtime` do.
/// Throws io_error with errc::closed if `other` is ending, and has not run it or has cancelled it.
template <class F, class... Args>
[[nodiscard]] auto submit_to(scheduler& other, F&& fn, Args&&... args) {
  return detail::submit_wait_of<std::decay_t<F>, detail::stored_argument<Args>...>(other, std::forward<F>(fn),
                                                                                   std::forward<Args>(args)...);
}

/// The same from a thread that has no scheduler: `submit_from_thread(s, fn, args...).get()` blocks it until the value
/// is there. To drop the future changes nothing. Throws std::bad_alloc; everything else is in the future. `other` must
/// exist when this is called. Any thread; a scheduler's thread must not block for it.
template <class F, class... Args>
[[nodiscard]] auto submit_from_thread(scheduler& other, F&& fn, Args&&... args) {
  using call = detail::submitted_call<std::decay_t<F>, detail::stored_argument<Args>...>;
  return call::submit(other, std::make_unique<call>(other, std::forward<F>(fn), std::forward<Args>(args)...));
}

namespace detail {

/// A block that goes to the other scheduler and ends there.
template <class F, class... Args>
class submitted_call final : remote_end {
  using returned = typename submitted_result<F, Args...>::returned;

 public:
  using value_type = typename submitted_result<F, Args...>::type;

  template <class G, class... As>
  explicit submitted_call(scheduler& on, G&& fn, As&&... args)
      : remote_end([](remote_end& e) noexcept {
          std::unique_ptr<submitted_call> self(&static_cast<submitted_call&>(e));
          if (!self->on_.ends_leftovers()) run(std::move(self));
        }),
        on_(on),
        fn_(std::forward<G>(fn)),
        args_(std::forward<As>(args)...) {}
  submitted_call(const submitted_call&) = delete;
  submitted_call& operator=(const submitted_call&) = delete;
  ~submitted_call() {
    if (ended_) return;
    promise_.set_exception(std::make_exception_ptr(
        io_error(error(errc::closed, "submit to a scheduler").with_detail("it has ended, or is ending"))));
  }

  static std::future<value_type> submit(scheduler& on, std::unique_ptr<submitted_call> call) {
    std::future<value_type> future = call->promise_.get_future();
    submitted_call* const sent = call.release();
    if (!on.request_from_anywhere(*sent)) delete sent;
    return future;
  }

 private:
  static void run(std::unique_ptr<submitted_call> self) noexcept {
    if constexpr (awaitable<returned>) {
      assert_arguments_last<F, Args...>();
      try {
        nursery& root = self->on_.root();
        root.start([](std::unique_ptr<submitted_call> call) { return run_task(std::move(call)); }, std::move(self));
      } catch (...) {  // the block has gone, and the future says so
      }
    } else {
      self->end([&self](std::promise<value_type>& p) {
        if constexpr (std::is_void_v<value_type>) {
          self->call();
          p.set_value();
        } else {
          p.set_value(self->call());
        }
      });
    }
  }
  static task<> run_task(std::unique_ptr<submitted_call> self) {
    outcome<value_type> out;
    try {
      if constexpr (std::is_void_v<value_type>) {
        co_await self->call();
        out.value.emplace();
      } else {
        value_type value = co_await self->call();
        emplace_into_empty(out.value, std::move(value));
      }
    } catch (...) {
      out.failure = std::current_exception();
    }
    self->end([&out](std::promise<value_type>& p) {
      if constexpr (std::is_void_v<value_type>) {
        out.take();
        p.set_value();
      } else {
        p.set_value(out.take());
      }
    });
  }

  template <class Set>
  void end(Set set) noexcept {
    ended_ = true;
    try {
      set(promise_);
    } catch (...) {
      promise_.set_exception(std::current_exception());
    }
  }
  returned call() {
    return std::apply([this](auto&... each) { return std::invoke(fn_, static_cast<Args&&>(each)...); }, args_);
  }

  scheduler& on_;
  bool ended_ = false;
  F fn_;
  std::tuple<Args...> args_;
  std::promise<value_type> promise_;
};

}  // namespace detail
}  // namespace wring
