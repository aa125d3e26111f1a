// SPDX-License-Identifier: MIT
#include <chrono>
#include <functional>
#include <stdexcept>
#include <string>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/cancel_scope.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/ready_signal.hpp>
#include <wring/core/testing/task_test.hpp>
#include <wring/core/this_task.hpp>

#include "support/waits.hpp"

using namespace std::chrono_literals;
using wring::nursery;
using wring::task;
using wring::with_nursery;
using wring::tests::settle;

namespace {

/// What running `body` in a nursery throws, as text.
template <class Body>
task<std::string> thrown_by(Body body) {
  try {
    co_await with_nursery(std::ref(body));
  } catch (const std::runtime_error& e) {
    co_return e.what();
  }
  co_return "nothing";
}

}  // namespace

TASK_TEST("start_ready waits until the child says so", "[ready_signal]") {
  bool ended = false;
  auto serve = [&](wring::ready_signal<int> ready, int port) -> task<> {
    co_await settle();
    ready(port + 1);
    co_await settle();
    ended = true;
  };
  auto plain = [](wring::ready_signal<> ready) -> task<> {
    ready();
    co_return;
  };
  auto body = [&](nursery& n) -> task<> {
    const int port = co_await n.start_ready<int>(std::ref(serve), 80);
    CHECK(port == 81);
    CHECK_FALSE(ended);
    co_await n.start_ready(plain);
  };
  co_await with_nursery(std::ref(body));
  CHECK(ended);
}

TASK_TEST("start_ready fails if the child ends before it is ready", "[ready_signal]") {
  auto returns = [](wring::ready_signal<>) -> task<> { co_return; };
  auto fails = [](wring::ready_signal<>) -> task<> {
    co_await wring::yield();
    throw std::runtime_error("not ready");
  };
  bool reached = false;
  auto body = [&](nursery& n) -> task<> {
    CHECK_THROWS_AS(co_await n.start_ready(returns), std::logic_error);
    co_await n.start_ready(fails);
    reached = true;
  };
  const std::string what = co_await thrown_by(std::ref(body));
  CHECK(what == "not ready");
  CHECK_FALSE(reached);
}

TASK_TEST("cancelling a wait for readiness leaves the child running", "[ready_signal]") {
  bool ended = false;
  wring::cancel_scope scope;
  auto serve = [&](wring::ready_signal<> ready) -> task<> {
    scope.cancel();
    co_await settle();
    ready();
    ended = true;
  };
  auto body = [&](nursery& n) -> task<> {
    const bool is_ready = co_await scope.run(n.start_ready(std::ref(serve)));
    CHECK_FALSE(is_ready);
    CHECK_FALSE(ended);
  };
  co_await with_nursery(std::ref(body));
  CHECK(ended);
}
