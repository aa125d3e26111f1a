// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <optional>
#include <type_traits>
#include <utility>

#include <wring/core/detail/flows/outcome.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/scheduler.hpp>
#include <wring/core/task.hpp>
#include <wring/core/testing/check_failed.hpp>

namespace wring::testing {

/// Runs `fn()`, a task, on a scheduler of its own until everything has ended, and returns its value or throws its
/// exception: a test in a coroutine. Signals are left alone. Throws `check_failed` if the task was cancelled. What it
/// returns must not refer to the scheduler, which has been destroyed by then.
template <awaitable_factory Fn>
auto run(Fn&& fn, const scheduler_options& options = {}) -> detail::value_of<std::invoke_result_t<Fn&>> {
  using value_type = detail::value_of<std::invoke_result_t<Fn&>>;
  std::optional<detail::outcome<value_type>> out;
  {
    scheduler s(options);
    auto called = std::ref(fn);
    const auto body = [&]() -> task<> {
      auto ended = co_await detail::capture<decltype(called)>(called);
      out.emplace(std::move(ended));
    };
    const child_handle child = s.root().start(std::ref(body));
    s.run_until([&] { return child.done(); });
    s.drain();
  }
  if (!out || out->cancelled()) throw check_failed("the test's task was cancelled");
  return out->take();
}

}  // namespace wring::testing
