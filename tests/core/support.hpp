// SPDX-License-Identifier: MIT
#pragma once

#include <exception>
#include <utility>

#include <wring/core/nursery.hpp>
#include <wring/core/scheduler.hpp>
#include <wring/core/task.hpp>

namespace wring::tests {

/// Runs `fn()`, a task, on a scheduler of its own until everything has ended; rethrows what it threw.
template <class Fn>
void run_task(Fn fn, const scheduler_options& options = {}) {
  scheduler s(options);
  std::exception_ptr failure;
  bool done = false;
  auto body = [&]() -> task<> {
    try {
      co_await fn();
    } catch (...) {
      failure = std::current_exception();
    }
    done = true;
  };
  const child_handle child = s.root().start(std::ref(body));
  s.run_until([&] { return child.done(); });
  s.drain();
  if (failure) std::rethrow_exception(failure);
  if (!done) throw std::runtime_error("the test's task was cancelled");
}

}  // namespace wring::tests
