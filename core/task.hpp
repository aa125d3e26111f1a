// SPDX-License-Identifier: MIT
#pragma once

#include <bit>
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

/// How a task has ended.
template <class T>
class task_outcome : public task_end {
 public:
  explicit task_outcome(std::coroutine_handle<> f) noexcept : task_end(f) {}
  ~task_outcome() {
    if (is(returned)) std::destroy_at(std::addressof(value_));
    if (is(failed)) [[unlikely]]
      std::destroy_at(std::addressof(exception_));
  }

  template <class U>
  void set_value(U&& value) {
    std::construct_at(std::addressof(value_), std::forward<U>(value));
    set(returned);
  }
  void set_exception(std::exception_ptr&& thrown) noexcept {
    if (is(returned)) std::destroy_at(std::addressof(value_));  // and then a destructor has thrown
    std::construct_at(std::addressof(exception_), std::move(thrown));
    set(failed);
  }
  T take() {
    if (is(failed)) [[unlikely]]
      std::rethrow_exception(exception_);
    return std::move(value_);
  }

 private:
  union {
    T value_;
    std::exception_ptr exception_;
  };
};

template <>
class task_outcome<void> : public task_end {
 public:
  explicit task_outcome(std::coroutine_handle<> f) noexcept : task_end(f) {}
  ~task_outcome() {
    if (is(failed)) [[unlikely]]
      std::destroy_at(std::addressof(exception_));
  }
  void set_value() noexcept { set(returned); }
  void set_exception(std::exception_ptr&& thrown) noexcept {
    std::construct_at(std::addressof(exception_), std::move(thrown));
    set(failed);
  }
  void take() {
    if (is(failed)) [[unlikely]]
      std::rethrow_exception(exception_);
  }

 private:
  union {
    std::exception_ptr exception_;
  };
};

template <class T>
class task_outcome<T&> : public task_outcome<T*> {
 public:
  using task_outcome<T*>::task_outcome;
  T& take() { return *task_outcome<T*>::take(); }
};

// g++ 12 takes the pair below for mismatched (gcc PR109224).
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"
#endif

/// A std::source_location as the pointer that it is. As a default argument of an await it is not kept in the frame,
/// where g++ puts every object of a class: that is two stores an await, and 16 bytes a co_await in the code.
using await_place = decltype(__builtin_source_location());
static_assert(sizeof(await_place) == sizeof(std::source_location) && std::is_pointer_v<await_place>);

struct task_promise_base : promise_base {
  static void* operator new(std::size_t size) { return frame_recycler::allocate(size); }
  static void operator delete(void* frame, std::size_t size) noexcept { frame_recycler::deallocate(frame, size); }

  static std::suspend_always initial_suspend() noexcept { return {}; }
  /// Does not suspend: the frame goes at once. What waits for it is resumed by the scheduler's loop, unless the task
  /// ends inside the await that starts it (the innermost one on the stack): that returns to it instead.
  std::suspend_never final_suspend() noexcept {
    flow->top = parent;
    if (flow->depth == 0) flow->host->next = parent->frame;
    return {};
  }

  /// `where` is the place of the co_await, kept for task dumps.
  template <class A>
    requires awaitable<std::remove_cvref_t<A>>
  frame_await<std::remove_reference_t<A>> await_transform(A&& a, await_place at = __builtin_source_location()) {
    static_assert(!std::is_lvalue_reference_v<A> || !awaitable_operation<std::remove_cvref_t<A>>,
                  "await the call itself: co_await f(args), not a named object");
    static_assert(!std::is_lvalue_reference_v<A> || !used_up_by_awaiting<std::remove_cvref_t<A>>,
                  "awaiting this uses it up: co_await std::move(name)");
    awaiting_at = std::bit_cast<std::source_location>(at);
    return frame_await<std::remove_reference_t<A>>(a);
  }
};

template <class T>
struct task_promise_of : task_promise_base {
  task<T> get_return_object(std::source_location at = std::source_location::current()) noexcept;
  void unhandled_exception() noexcept {
    std::exception_ptr thrown = std::current_exception();
    this->flow->note_exception(thrown, *this);
    outcome().set_exception(std::move(thrown));
  }

 protected:
  task_outcome<T>& outcome() noexcept { return static_cast<task_outcome<T>&>(*this->owner); }
};

template <class T>
struct task_promise final : task_promise_of<T> {
  static_assert(std::is_object_v<T> && !std::is_const_v<T>,
                "task<T>: T is an object type, void, or an lvalue reference");

  template <class U = T>
    requires std::constructible_from<T, U&&>
  void return_value(U&& value) {
    this->outcome().set_value(std::forward<U>(value));
  }
};

template <>
struct task_promise<void> final : task_promise_of<void> {
  void return_void() noexcept { outcome().set_value(); }
};

template <class T>
struct task_promise<T&> final : task_promise_of<T&> {
  void return_value(T& value) noexcept { this->outcome().set_value(std::addressof(value)); }
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
/// destructors of its locals and no catch clause. When the coroutine ends its frame goes, and with it the parameters
/// passed by value, before what awaits it goes on: the value must not refer to them. A task stays on the scheduler (and
/// thread) it was started on.
template <class T>
class [[nodiscard("a task does nothing until it is awaited: co_await it")]] task {
 public:
  using promise_type = detail::task_promise<T>;
  using value_type = T;

  task(const task&) = delete;
  task& operator=(const task&) = delete;
  ~task() {
    if (end_.live()) [[unlikely]]
      end_.frame().destroy();
  }

  /// The same, with an `io_error` as a value: `co_await f().result()`. Other exceptions are thrown as they are. A task
  /// that fails has thrown inside; code that meets errors all day returns `task<result<T>>` instead.
  [[nodiscard]] auto result() && noexcept
    requires(!detail::is_result<T> && !std::is_reference_v<T>)
  {
    return detail::as_result<task>(*this);
  }

  /// For the await machinery.
  bool begin_await(detail::flow& f) {
    if (f.cancelled()) [[unlikely]] {
      f.request_unwind();
      return false;
    }
    const std::coroutine_handle<> frame = end_.frame();
    promise_type& p = std::coroutine_handle<promise_type>::from_address(frame.address()).promise();
    p.parent = f.top;
    p.flow = &f;
    p.owner = &end_;
    f.top = &p;
    if (f.depth >= detail::inline_depth_limit) [[unlikely]] {
      f.host->next = frame;
      return false;
    }
    ++f.depth;
    frame.resume();
    --f.depth;
    return !end_.live();
  }
  decltype(auto) take() { return end_.take(); }
  wring::result<T> take_result()
    requires(!detail::is_result<T> && !std::is_reference_v<T>)
  {
    try {
      if constexpr (std::is_void_v<T>) {
        take();
        return {};
      } else {
        return take();
      }
    } catch (const io_error& e) {
      return e.details();
    }
  }

 private:
  friend detail::task_promise_of<T>;
  explicit task(std::coroutine_handle<> frame) noexcept : end_(frame) {}

  detail::task_outcome<T> end_;
};

namespace detail {

template <class T>
task<T> task_promise_of<T>::get_return_object(std::source_location at) noexcept {
  static_assert(alignof(task_promise<T>) <= promise_offset);
  this->frame = std::coroutine_handle<task_promise<T>>::from_promise(static_cast<task_promise<T>&>(*this));
  this->awaiting_at = at;
  return task<T>(this->frame);
}

}  // namespace detail
}  // namespace wring
