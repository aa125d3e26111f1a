// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <type_traits>
#include <utility>

#include <wring/core/awaitable.hpp>
#include <wring/core/detail/awaiting/as_result.hpp>
#include <wring/core/detail/awaiting/foreign.hpp>
#include <wring/core/detail/awaiting/put_back.hpp>
#include <wring/core/detail/flows/flow.hpp>
#include <wring/core/detail/gcc12.hpp>
#include <wring/core/detail/lifetime.hpp>
#include <wring/core/result.hpp>

namespace wring::detail {

/// Whether an awaitable refers to temporaries of the expression that made it. Such a one must be awaited there, and not
/// be returned by a callable, as they have been destroyed then.
template <class A>
concept refers_to_temporaries = requires { requires A::refers_to_temporaries; };

template <class Made>
constexpr void assert_returnable() noexcept {
  static_assert(!refers_to_temporaries<Made>,
                "this callable returns an awaitable that refers to temporaries of its return statement: make it a "
                "coroutine, [&]() -> task<T> { co_return co_await ...; }");
}

/// Holds what was passed to a combinator by reference, and provides the interface of an operation for every kind.
template <class A>
class operand;

/// Combinators keep in their type whether they were given a temporary, A, or something with a name, A&.
template <class A>
class operand<A&> : public operand<A> {
  static_assert(!used_up_by_awaiting<A>, "awaiting this uses it up: say std::move(name)");

 public:
  using operand<A>::operand;
};

template <awaitable_operation A>
class operand<A> {
 public:
  using value_type = typename A::value_type;

  explicit operand(A& a) noexcept : a_(&a) {}
  bool begin_await(flow& f) { return a_->begin_await(f); }
  decltype(auto) take() { return a_->take(); }
  auto take_result()
    requires requires(A& a) { a.take_result(); }
  {
    return a_->take_result();
  }
  template <class Value>
  void put_back(Value& value) noexcept {
    put_back_into(*a_, value);
  }

 private:
  A* a_;
};

template <class A>
  requires(!awaitable_operation<A> && foreign_awaitable<A>)
class operand<A> : public foreign_operation<A> {
 public:
  explicit operand(A& a) : foreign_operation<A>(a) {}
};

template <used_up_by_awaiting A>
class operand<A> {
  using operation_type = typename A::awaited_operation;

 public:
  using value_type = typename operation_type::value_type;

  explicit operand(A& a) : operation_(std::move(a)) {}
  bool begin_await(flow& f) { return operation_.begin_await(f); }
  decltype(auto) take() { return operation_.take(); }

 private:
  operation_type operation_;
};

template <awaitable_factory F>
class operand<F> {
  using made_type = std::remove_cvref_t<std::invoke_result_t<F&>>;

 public:
  using value_type = typename operand<made_type>::value_type;

  explicit operand(F& f) noexcept : f_(&f) {
    assert_safe_callable<F>();
    assert_returnable<made_type>();
  }
  operand(const operand&) = delete;
  operand& operator=(const operand&) = delete;
  ~operand() {
    if (begun_) {
      std::destroy_at(&inner_);
      made_.made_type::~made_type();
    }
  }

  bool begin_await(flow& f) {
    ::new (static_cast<void*>(&made_)) made_type((*f_)());
    try {
      std::construct_at(&inner_, made_);
    } catch (...) {
      made_.made_type::~made_type();
      throw;
    }
    begun_ = true;
    return inner_.begin_await(f);
  }
  decltype(auto) take() { return inner_.take(); }
  auto take_result()
    requires requires(operand<made_type>& o) { o.take_result(); }
  {
    return inner_.take_result();
  }
  template <class Value>
  void put_back(Value& value) noexcept {
    put_back_into(inner_, value);
  }

 private:
  F* f_;
  bool begun_ = false;
  union {
    made_type made_;
  };
  union {
    operand<made_type> inner_;
  };
};

template <class A>
using value_of = typename operand<std::remove_cvref_t<A>>::value_type;

/// What can return its fault as a value.
template <class Op>
concept has_result = requires(operand<Op>& o) { o.take_result(); };

/// The awaiter that a coroutine sees. What ends at once is started and ended within await_suspend, which then declines
/// to suspend. That is sound because only the scheduler's loop resumes or destroys frames, never the code called here.
template <class A>
class frame_await {
 public:
  explicit frame_await(A& a) : operand_(a) {}
  frame_await(const frame_await&) = delete;
  frame_await& operator=(const frame_await&) = delete;

  static bool await_ready() noexcept { return false; }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> h) {
    return !operand_.begin_await(*h.promise().flow);
  }
  decltype(auto) await_resume() { return operand_.take(); }

 private:
  operand<A> operand_;
};

/// Passes the task's flow to the library's coroutines.
class current_flow {
 public:
  using value_type = flow&;
  bool begin_await(flow& f) noexcept {
    flow_ = &f;
    return true;
  }
  flow& take() const noexcept { return *flow_; }

 private:
  flow* flow_ = nullptr;
};

/// Ends the task here if its scope is cancelled.
class checkpoint {
 public:
  using value_type = void;
  bool begin_await(flow& f) noexcept {
    if (!f.cancelled()) return true;
    f.request_unwind();
    return false;
  }
  void take() const noexcept {}
};

}  // namespace wring::detail
