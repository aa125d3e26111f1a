// SPDX-License-Identifier: MIT
#pragma once

#include <coroutine>
#include <exception>
#include <memory>
#include <source_location>
#include <type_traits>
#include <utility>

#include <wring/core/detail/frame_recycler.hpp>
#include <wring/core/detail/operand.hpp>
#include <wring/core/error.hpp>
#include <wring/core/result.hpp>

namespace wring {

template <class T = void>
class task;

namespace detail {

/// How deep tasks may start inside each other on the stack before one is started by the scheduler's loop instead.
inline constexpr unsigned inline_depth_limit = 64;

struct final_await {
  static bool await_ready() noexcept { return false; }
  template <class Promise>
  static void await_suspend(std::coroutine_handle<Promise> h) noexcept {
    promise_base& p = h.promise();
    flow& f = *p.flow;
    f.top = p.parent;
    if (p.inline_start) {
      p.finished = true;
    } else {
      f.next = p.parent->frame;
    }
  }
  static void await_resume() noexcept {}
};

// g++ 12 takes the pair below for mismatched (gcc PR109224).
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"
#endif

struct task_promise_base : promise_base {
  static void* operator new(std::size_t size) { return frame_recycler::allocate(size); }
  static void operator delete(void* frame, std::size_t size) noexcept { frame_recycler::deallocate(frame, size); }

  static std::suspend_always initial_suspend() noexcept { return {}; }
  static final_await final_suspend() noexcept { return {}; }

  /// `where` is the place of the co_await, kept for task dumps.
  template <class A>
    requires awaitable<std::remove_cvref_t<A>>
  frame_await<std::remove_reference_t<A>> await_transform(A&& a,
                                                          std::source_location at = std::source_location::current()) {
    static_assert(!std::is_lvalue_reference_v<A> || !operation_like<std::remove_cvref_t<A>>,
                  "await the call itself: co_await f(args), not a named object");
    static_assert(!std::is_lvalue_reference_v<A> || !used_up_by_awaiting<std::remove_cvref_t<A>>,
                  "awaiting this uses it up: co_await std::move(name)");
    where = at;
    return frame_await<std::remove_reference_t<A>>(a);
  }
};

template <class T>
struct task_promise final : task_promise_base {
  static_assert(std::is_object_v<T> && !std::is_const_v<T>,
                "task<T>: T is an object type, void, or an lvalue reference");

  task_promise() noexcept {}
  ~task_promise() {
    if (kind_ == kind::value) std::destroy_at(std::addressof(value_));
    if (kind_ == kind::exception) std::destroy_at(std::addressof(exception_));
  }

  task<T> get_return_object(std::source_location at = std::source_location::current()) noexcept;

  template <class U = T>
    requires std::constructible_from<T, U&&>
  void return_value(U&& value) {
    std::construct_at(std::addressof(value_), std::forward<U>(value));
    kind_ = kind::value;
  }
  void unhandled_exception() noexcept {
    std::construct_at(std::addressof(exception_), std::current_exception());
    kind_ = kind::exception;
    this->flow->note_exception(exception_, *this);
  }
  T take() {
    if (kind_ == kind::exception) [[unlikely]]
      std::rethrow_exception(exception_);
    return std::move(value_);
  }

 private:
  enum class kind : unsigned char { none, value, exception };
  kind kind_ = kind::none;
  union {
    T value_;
    std::exception_ptr exception_;
  };
};

template <>
struct task_promise<void> final : task_promise_base {
  task<void> get_return_object(std::source_location at = std::source_location::current()) noexcept;
  void return_void() noexcept {}
  void unhandled_exception() noexcept {
    exception_ = std::current_exception();
    flow->note_exception(exception_, *this);
  }
  void take() {
    if (exception_) [[unlikely]]
      std::rethrow_exception(exception_);
  }

 private:
  std::exception_ptr exception_;
};

template <class T>
struct task_promise<T&> final : task_promise_base {
  task<T&> get_return_object(std::source_location at = std::source_location::current()) noexcept;
  void return_value(T& value) noexcept { value_ = std::addressof(value); }
  void unhandled_exception() noexcept {
    exception_ = std::current_exception();
    this->flow->note_exception(exception_, *this);
  }
  T& take() {
    if (exception_) [[unlikely]]
      std::rethrow_exception(exception_);
    return *value_;
  }

 private:
  T* value_ = nullptr;
  std::exception_ptr exception_;
};

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

}  // namespace detail

/// A coroutine that is run by awaiting it: `co_await f(args)`. Lazy (nothing happens before), immovable, awaited once,
/// in the expression that calls it, so that arguments passed by reference are alive for as long as it runs. To run
/// several at once give *callables* to a `nursery` or `when_all`.
///
/// Its outcome is a value, an exception, or cancellation: then the frame is destroyed where it waits, which runs the
/// destructors of its locals and no catch clause. A task stays on the scheduler (and thread) it was started on.
template <class T>
class [[nodiscard("a task does nothing until it is awaited: co_await it")]] task {
 public:
  using promise_type = detail::task_promise<T>;
  using value_type = T;

  task(const task&) = delete;
  task& operator=(const task&) = delete;
  ~task() {
    if (frame_) frame_.destroy();
  }

  /// The same, with an `io_error` as a value: `co_await f().result()`. Other exceptions are thrown as they are. A task
  /// that fails has thrown inside; code that meets errors all day returns `task<result<T>>` instead.
  [[nodiscard]] auto result() && noexcept
    requires(!detail::is_result<T> && !std::is_reference_v<T>)
  {
    return detail::as_result<task>(*this);
  }

  /// For the await machinery.
  bool begin(detail::flow& f) {
    if (f.cancelled()) [[unlikely]] {
      f.request_unwind();
      return false;
    }
    promise_type& p = promise();
    p.parent = f.top;
    p.flow = &f;
    p.owner = &frame_;
    f.top = &p;
    if (f.depth >= detail::inline_depth_limit) [[unlikely]] {
      f.next = frame_;
      return false;
    }
    p.inline_start = true;
    ++f.depth;
    frame_.resume();
    --f.depth;
    if (p.finished) return true;
    p.inline_start = false;
    return false;
  }
  decltype(auto) resume() { return promise().take(); }
  wring::result<T> resume_result()
    requires(!detail::is_result<T> && !std::is_reference_v<T>)
  {
    try {
      if constexpr (std::is_void_v<T>) {
        resume();
        return {};
      } else {
        return resume();
      }
    } catch (const io_error& e) {
      return e.details();
    }
  }

 private:
  friend promise_type;
  explicit task(std::coroutine_handle<> frame) noexcept : frame_(frame) {}

  promise_type& promise() noexcept {
    return std::coroutine_handle<promise_type>::from_address(frame_.address()).promise();
  }

  std::coroutine_handle<> frame_;
};

namespace detail {

template <class T>
task<T> task_promise<T>::get_return_object(std::source_location at) noexcept {
  this->frame = std::coroutine_handle<task_promise>::from_promise(*this);
  this->where = at;
  return task<T>(this->frame);
}

inline task<void> task_promise<void>::get_return_object(std::source_location at) noexcept {
  frame = std::coroutine_handle<task_promise>::from_promise(*this);
  where = at;
  return task<void>(frame);
}

template <class T>
task<T&> task_promise<T&>::get_return_object(std::source_location at) noexcept {
  this->frame = std::coroutine_handle<task_promise>::from_promise(*this);
  this->where = at;
  return task<T&>(this->frame);
}

}  // namespace detail
}  // namespace wring
