// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <tuple>
#include <type_traits>
#include <utility>

#include <wring/core/detail/awaiting/operand.hpp>
#include <wring/core/detail/awaiting/stored_argument.hpp>

namespace wring::detail {

/// A callable with its arguments, and the task that calling it has made, in one place for as long as the task exists.
/// Parameters that the task takes by value are moved from the stored arguments, as a call with temporaries would.
template <class Fn, class... Args>
struct bound_task {
  using task_type = std::invoke_result_t<Fn&, Args...>;

  template <class F, class... As>
  explicit bound_task(F&& f, As&&... as)
      : fn(std::forward<F>(f)),
        args(std::forward<As>(as)...),
        task(std::apply([this](auto&... each) { return std::invoke(fn, static_cast<Args&&>(each)...); }, args)) {
    assert_returnable<task_type>();
    assert_arguments_last<Fn, Args...>();
  }
  bound_task(const bound_task&) = delete;
  bound_task& operator=(const bound_task&) = delete;

  Fn fn;
  std::tuple<Args...> args;
  task_type task;
};

}  // namespace wring::detail
