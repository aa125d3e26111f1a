// SPDX-License-Identifier: MIT
//
// Deferreds beside tasks that do the same work.

#include <cstdint>
#include <span>
#include <utility>

#include <wring/callback.hpp>
#include <wring/wring.hpp>

#include "operation.hpp"

namespace {

using bench::stopwatch;
using wring::task;

constexpr std::uint64_t warm_up = 1000;

/// Does something `count` times, and before that so often that the recycler has what it needs.
template <class Operation>
task<> repeat(stopwatch& watch, std::uint64_t count, Operation operation) {
  for (std::uint64_t i = 0; i < warm_up; ++i) operation();
  watch.begin();
  for (std::uint64_t i = 0; i < count; ++i) operation();
  watch.end();
  co_return;
}

task<std::uint64_t> next(std::uint64_t n) { co_return n + 1; }

/// Makes a deferred, adds three callbacks and fires it.
task<> deferred_three_callbacks(stopwatch& watch, std::uint64_t count) {
  std::uint64_t n = 0;
  return repeat(watch, count, [n]() mutable {
    wring::deferred_source<std::uint64_t> source;
    auto d = source.get();
    d.add_callback([](std::uint64_t value) { return value + 1; });
    d.add_callback([](std::uint64_t value) { return value + 1; });
    d.add_callback([&n](std::uint64_t value) { return n = value; });
    source.callback(n);
  });
}

task<std::uint64_t> three_steps(std::uint64_t n) {
  const std::uint64_t first = co_await next(n);
  const std::uint64_t second = co_await next(first);
  co_return co_await next(second);
}

/// The same as a task that awaits three others.
task<> task_three_children(stopwatch& watch, std::uint64_t count) {
  std::uint64_t n = 0;
  while (n < 3 * warm_up) n = co_await three_steps(n);
  watch.begin();
  for (std::uint64_t i = 0; i < count; ++i) n = co_await three_steps(n);
  watch.end();
}

task<> deferred_await_fired(stopwatch& watch, std::uint64_t count) {
  std::uint64_t n = 0;
  while (n < warm_up) n = co_await wring::succeed(n + 1);
  watch.begin();
  for (std::uint64_t i = 0; i < count; ++i) n = co_await wring::succeed(n + 1);
  watch.end();
}

/// A callback returns a deferred, which fires later.
task<> deferred_chain(stopwatch& watch, std::uint64_t count) {
  return repeat(watch, count, [n = std::uint64_t{0}]() mutable {
    wring::deferred_source<std::uint64_t> first;
    wring::deferred_source<std::uint64_t> second;
    auto d = first.get();
    d.add_callback([&second](std::uint64_t) { return second.get(); });
    d.add_callback([&n](std::uint64_t value) { return n = value; });
    first.callback(n);
    second.callback(n + 1);
  });
}

/// A deferred of a task that ends at once.
task<> start_deferred(stopwatch& watch, std::uint64_t count) {
  return repeat(watch, count, [n = std::uint64_t{0}]() mutable {
    wring::start_deferred(next, n).add_callback([&n](std::uint64_t value) { n = value; });
  });
}

constexpr bench::operation operations[] = {
    {"deferred_three_callbacks", deferred_three_callbacks, 2'000'000},
    {"task_three_children", task_three_children, 2'000'000},
    {"deferred_await_fired", deferred_await_fired, 2'000'000},
    {"deferred_chain", deferred_chain, 1'000'000},
    {"start_deferred", start_deferred, 1'000'000},
};

}  // namespace

const std::span<const bench::operation> bench::deferred_operations = operations;
