// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <exception>
#include <functional>
#include <type_traits>
#include <utility>

#include <wring/core/callback/deferred.hpp>
#include <wring/core/detail/awaiting/bound_task.hpp>
#include <wring/core/detail/flows/outcome.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/scheduler.hpp>

namespace wring {

/// Runs `fn(args...)`, a task, as a child of `n`, and returns its outcome as a deferred. It begins right here and runs
/// until it waits for the first time (when 64 have begun inside each other: in its turn). Callable and arguments are
/// moved or copied, and live until the task has ended; std::ref passes a reference.
///
/// The deferred fires when the task has really ended: with its value, with the exception it threw, or, if it was
/// cancelled, with cancelled_error. A failure is the deferred's and does not fail the nursery. cancel() of the deferred
/// cancels the task; called again, it cancels what a task that is still ending waits for, if that is a deferred. If the
/// nursery is cancelled and nobody has an interest in the deferred any more, that is not reported as unhandled.
///
/// Throws as `nursery::start` does.
template <class Fn, class... Args>
auto start_deferred(nursery& n, Fn&& fn, Args&&... args);

/// The same in the root nursery of this thread's scheduler, which is cancelled when the program ends. Throws
/// std::logic_error outside of a scheduler.
template <class Fn, class... Args>
  requires(!std::same_as<std::remove_cvref_t<Fn>, nursery>)
auto start_deferred(Fn&& fn, Args&&... args);

namespace detail {

/// The child of a nursery behind start_deferred, as far as it does not depend on what it runs.
class WRING_API deferred_child : public child_flow {
 protected:
  deferred_child(nursery& parent, deferred_core& fires);
  ~deferred_child() = default;

  /// Fires the deferred; null: the task was cancelled.
  void fail(std::exception_ptr e) noexcept;
  /// Fires the deferred with the value set.
  void succeed() noexcept;
  [[nodiscard]] deferred_core& chain() noexcept { return *chain_; }

 private:
  struct canceller;
  void ask_to_end() noexcept;

  core_ref chain_;
  bool asked_to_end_ = false;
};

template <class Fn, class... Args>
class deferred_child_of final : public child_base<deferred_child_of<Fn, Args...>, deferred_child> {
 public:
  using value_type = typename bound_task<Fn, Args...>::task_type::value_type;

  template <class F, class... As>
  deferred_child_of(nursery& parent, deferred_core& fires, F&& fn, As&&... args) : base(parent, fires) {
    ::new (static_cast<void*>(&work_)) bound_task<Fn, Args...>(std::forward<F>(fn), std::forward<As>(args)...);
  }
  deferred_child_of(const deferred_child_of&) = delete;
  deferred_child_of& operator=(const deferred_child_of&) = delete;
  ~deferred_child_of() {}  // finish() has destroyed the work

 private:
  using base = child_base<deferred_child_of, deferred_child>;
  friend base;

  bool begin() override { return work_.task.begin_await(*this); }

  // The deferred is fired when nothing is left of the task, its arguments included.
  std::exception_ptr finish(bool by_cancellation) noexcept {
    outcome<value_type> out;
    if (!by_cancellation) out.take_from(work_.task);
    std::destroy_at(&work_);
    if (!out.value) {
      this->fail(std::move(out.failure));
      return nullptr;
    }
    try {
      if constexpr (std::is_void_v<value_type>) {
        this->chain().template set_value<void>();
      } else {
        this->chain().template set_value<value_type>(std::move(*out.value));
      }
    } catch (...) {
      this->fail(std::current_exception());
      return nullptr;
    }
    this->succeed();
    return nullptr;
  }

  union {
    bound_task<Fn, Args...> work_;
  };
};

template <class F, class... Args>
auto start_as_deferred(F fn, Args&&... args) -> deferred<returned_t<std::invoke_result_t<F&, Args...>>> {
  return start_deferred(std::move(fn), std::forward<Args>(args)...);
}

}  // namespace detail

template <class Fn, class... Args>
auto start_deferred(nursery& n, Fn&& fn, Args&&... args) {
  using result = std::invoke_result_t<std::decay_t<Fn>&, detail::stored_argument<Args>...>;
  static_assert(detail::is_task<result>, "start_deferred takes a callable that makes a task, and its arguments");
  using child_type = detail::deferred_child_of<std::decay_t<Fn>, detail::stored_argument<Args>...>;
  detail::nursery_access::check_start(n);
  deferred_source<typename child_type::value_type> source;
  auto out = source.get();
  auto& child = *new child_type(n, out.core(), std::forward<Fn>(fn), std::forward<Args>(args)...);
  source.hand_over();
  detail::nursery_access::launch_now(n, child);
  return out;
}

template <class Fn, class... Args>
  requires(!std::same_as<std::remove_cvref_t<Fn>, nursery>)
auto start_deferred(Fn&& fn, Args&&... args) {
  return start_deferred(scheduler::current().root(), std::forward<Fn>(fn), std::forward<Args>(args)...);
}

}  // namespace wring
