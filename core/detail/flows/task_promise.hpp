// SPDX-License-Identifier: MIT
#pragma once

#include <bit>
#include <concepts>
#include <coroutine>
#include <cstddef>
#include <exception>
#include <source_location>
#include <type_traits>
#include <utility>

#include <wring/core/awaitable.hpp>
#include <wring/core/detail/awaiting/operand.hpp>
#include <wring/core/detail/flows/flow.hpp>
#include <wring/core/detail/flows/leaving.hpp>
#include <wring/core/detail/gcc12.hpp>
#include <wring/core/detail/lifetime.hpp>
#include <wring/core/detail/scheduling/frame_recycler.hpp>

namespace wring {
template <class T>
class task;
}

namespace wring::detail {

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
      rethrow_failure(exception_);
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
      rethrow_failure(exception_);
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

WRING_BEGIN_PROMISES

/// A std::source_location as the pointer that it is. As a default argument of an await it is not kept in the frame,
/// where g++ puts every object of a class: that is two stores an await, and 16 bytes a co_await in the code.
using await_place = decltype(__builtin_source_location());
static_assert(sizeof(await_place) == sizeof(std::source_location) && std::is_pointer_v<await_place>);

struct task_promise_base : promise_base {
  static void* operator new(std::size_t size) { return frame_recycler::allocate(size); }
  static void operator delete(void* frame, std::size_t size) noexcept { frame_recycler::deallocate(frame, size); }

  static std::suspend_always initial_suspend() noexcept { return {}; }
  /// Does not suspend: the frame is destroyed at once. What waits for it is resumed by the scheduler's loop, unless the
  /// task ends inside the await that starts it (the innermost one on the stack): that returns to it instead.
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

WRING_END_PROMISES

}  // namespace wring::detail
