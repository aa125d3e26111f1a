// SPDX-License-Identifier: MIT
#pragma once

#include <utility>

#include <wring/core/testing/run.hpp>

namespace wring::tests {

/// Runs `fn()`, a task, on a scheduler of its own until everything has ended; rethrows what it threw.
template <class Fn>
auto run_task(Fn&& fn, const scheduler_options& options = {}) {
  return testing::run(fn, options);
}

}  // namespace wring::tests
