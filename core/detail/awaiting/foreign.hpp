// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <coroutine>
#include <exception>
#include <type_traits>
#include <utility>

#include <wring/core/awaitable.hpp>
#include <wring/core/awaiter.hpp>
#include <wring/core/detail/awaiting/remote_end.hpp>

namespace wring::detail {

/// Waits for a foreign awaitable, that is one which knows only the standard's three functions. It is given a handle
/// that queues the task when it is resumed, from any thread. It cannot be cancelled: cancellation waits for it.
class WRING_API foreign_wait : public awaiter, remote_end {
 public:
  foreign_wait() noexcept
      : remote_end([](remote_end& end) noexcept { static_cast<foreign_wait&>(end).awaiter::complete(); }) {}

  /// Parks the flow and returns the handle for the foreign awaiter.
  std::coroutine_handle<> start(flow& f) noexcept;
  /// Lets other tasks run first: restart() follows.
  using awaiter::yield_first;
  /// The foreign awaiter threw instead of suspending.
  void undo() noexcept { unpark(); }

  wait_description describe() const noexcept override { return {.operation = "foreign awaitable"}; }

 private:
  /// What a coroutine handle points to, in the ABI that gcc and clang share. A real coroutine would not do: it touches
  /// its frame after the resumption has been announced, and by then another thread may have destroyed it.
  struct frame {
    void (*resume)(frame*) = nullptr;
    void (*destroy)(frame*) = nullptr;
    foreign_wait* wait = nullptr;
  };

  void cancel() noexcept override {}
  void fire() noexcept;

  scheduler* scheduler_ = nullptr;
  bool fired_ = false;  // atomic; <atomic> would be a tenth of what the compiler reads for a task
  frame proxy_;
};

/// A foreign awaitable as an operation.
template <foreign_awaitable A>
class foreign_operation {
  static decltype(auto) get_awaiter(A& a) {
    if constexpr (requires { std::move(a).operator co_await(); }) {
      return std::move(a).operator co_await();
    } else if constexpr (requires { operator co_await(std::move(a)); }) {
      return operator co_await(std::move(a));
    } else {
      return static_cast<A&>(a);
    }
  }
  using awaiter_type = decltype(get_awaiter(std::declval<A&>()));

 public:
  using value_type = decltype(std::declval<awaiter_type&>().await_resume());

  explicit foreign_operation(A& a) : awaiter_(get_awaiter(a)) {}

  bool begin_await(flow& f) {
    if (f.cancelled()) {
      f.request_unwind();
      return false;
    }
    if (f.budget == 0) [[unlikely]] {
      wait_.yield_first(f);
      return false;
    }
    return start(f);
  }
  value_type take() {
    if (thrown_) [[unlikely]]
      std::rethrow_exception(std::exchange(thrown_, nullptr));
    return awaiter_.await_resume();
  }

 private:
  class wait final : public foreign_wait {
   public:
    explicit wait(foreign_operation& o) noexcept : operation_(o) {}

   private:
    bool restart() noexcept override {
      try {
        if (!operation_.start(host())) return false;
      } catch (...) {
        operation_.thrown_ = std::current_exception();
      }
      completed_in_turn();
      return true;
    }

    foreign_operation& operation_;
  };

  bool start(flow& f) {
    if (awaiter_.await_ready()) {
      --f.budget;
      return true;
    }
    const std::coroutine_handle<> proxy = wait_.start(f);
    try {
      using suspended = decltype(awaiter_.await_suspend(proxy));
      if constexpr (std::is_void_v<suspended>) {
        awaiter_.await_suspend(proxy);
      } else if constexpr (std::same_as<suspended, bool>) {
        if (!awaiter_.await_suspend(proxy)) proxy.resume();
      } else {
        std::coroutine_handle<>(awaiter_.await_suspend(proxy)).resume();
      }
    } catch (...) {
      wait_.undo();
      throw;
    }
    return false;
  }

  awaiter_type awaiter_;
  wait wait_{*this};
  std::exception_ptr thrown_;
};

}  // namespace wring::detail
