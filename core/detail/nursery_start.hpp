// SPDX-License-Identifier: MIT
#pragma once

#include <functional>

#include <wring/core/detail/bound_task.hpp>
#include <wring/core/nursery.hpp>

namespace wring::detail {

/// A child with what it runs.
template <class Fn, class... Args>
class child_of final : public child_base<child_of<Fn, Args...>> {
 public:
  template <class F, class... As>
  child_of(nursery& parent, F&& fn, As&&... args) : child_base<child_of>(parent) {
    ::new (static_cast<void*>(&work_)) bound_task<Fn, Args...>(std::forward<F>(fn), std::forward<As>(args)...);
  }
  child_of(const child_of&) = delete;
  child_of& operator=(const child_of&) = delete;
  ~child_of() {}  // finish() has destroyed the work

 private:
  friend child_base<child_of>;

  bool begin() override { return work_.task.begin_await(*this); }

  std::exception_ptr finish(bool by_cancellation) noexcept {
    std::exception_ptr failure;
    if (!by_cancellation) {
      try {
        static_cast<void>(work_.task.take());
      } catch (...) {
        failure = std::current_exception();
      }
    }
    std::destroy_at(&work_);
    return failure;
  }

  union {
    bound_task<Fn, Args...> work_;
  };
};

/// For the library's own kinds of children.
struct nursery_access {
  static void check_start(nursery& n) { n.check_start(); }
  static child_handle launch(nursery& n, child_flow& child) noexcept { return n.launch(child); }
  /// Starts the child right here; it may have ended, and be gone, afterwards.
  static void launch_now(nursery& n, child_flow& child) noexcept {
    ++n.live_;
    n.sched_->start_now(child);
  }
};

template <class Body>
auto run_with_nursery(Body body) -> task<body_value<typename std::invoke_result_t<Body&, nursery&>::value_type>> {
  nursery n;
  auto bound = [&] { return body(n); };
  co_return co_await n.run(std::ref(bound));
}

}  // namespace wring::detail

namespace wring {

template <class Fn, class... Args>
child_handle nursery::start(Fn&& fn, Args&&... args) {
  using child_type = detail::child_of<std::decay_t<Fn>, detail::stored_argument<Args>...>;
  check_start();
  return launch(*new child_type(*this, std::forward<Fn>(fn), std::forward<Args>(args)...));
}

template <class T, class Fn, class... Args>
task<T> nursery::start_ready(Fn fn, Args... args) {
  detail::assert_safe_callable<Fn>();
  (detail::assert_safe_argument<Args>(), ...);
  const auto state = std::make_shared<typename ready_signal<T>::state>();
  start(std::move(fn), ready_signal<T>(state), std::move(args)...);
  co_await typename ready_signal<T>::wait(*state);
  if (!state->value) {
    co_await detail::checkpoint();
    throw std::logic_error("a child started by start_ready ended without being ready");
  }
  if constexpr (!std::is_void_v<T>) co_return std::move(*state->value);
}

/// Runs `body(nursery&)` in a nursery of its own; see `nursery::run`.
template <class Body>
auto with_nursery(Body body) {
  detail::assert_safe_callable<Body>();
  return detail::run_with_nursery(std::move(body));
}

}  // namespace wring
