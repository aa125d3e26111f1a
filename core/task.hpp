// SPDX-License-Identifier: MIT
#pragma once

#include <coroutine>
#include <source_location>
#include <type_traits>

#include <wring/core/detail/awaiting/as_result.hpp>
#include <wring/core/detail/flows/task_promise.hpp>
#include <wring/core/detail/gcc12.hpp>
#include <wring/core/error.hpp>
#include <wring/core/result.hpp>

namespace wring {

/// A coroutine that is run by awaiting it: `co_await f(args)`. Lazy (nothing happens before it is awaited), immovable,
/// and awaited once, in the expression that calls it, so that arguments passed by reference live as long as it runs. To
/// run several at once, pass *callables* to a `nursery` or `when_all`.
///
/// Its outcome is a value, an exception, or cancellation: then the frame is destroyed where it waits, which runs the
/// destructors of its locals and no catch clause. When the coroutine ends, its frame is destroyed, and with it the
/// parameters passed by value, before what awaits it continues: the value must not refer to them. A task stays on the
/// scheduler (and thread) it was started on.
template <class T = void>
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
  /// that fails has thrown inside; code for which errors are routine returns `task<result<T>>` instead.
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
  if (frame_is_misplaced(this)) [[unlikely]]
    end_misplaced(this->awaiting_at);
  return task<T>(this->frame);
}

}  // namespace detail
}  // namespace wring
