// SPDX-License-Identifier: MIT
#include <cerrno>
#include <exception>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/nursery.hpp>
#include <wring/core/sync/shared_result.hpp>
#include <wring/core/testing/cancel_everywhere.hpp>
#include <wring/core/testing/run.hpp>
#include <wring/core/testing/task_test.hpp>
#include <wring/core/this_task.hpp>

using wring::nursery;
using wring::shared_result;
using wring::task;

namespace {

task<> note(shared_result<std::string>& r, std::vector<const std::string*>& seen) {
  const std::string& text = co_await r.get();
  seen.push_back(&text);
}

}  // namespace

TASK_TEST("every task gets the one value of a shared result, before or after it is set", "[shared_result]") {
  shared_result<std::string> r;
  std::vector<const std::string*> seen;
  co_await wring::with_nursery([&](nursery& n) -> task<> {
    n.start(note, std::ref(r), std::ref(seen));
    n.start(note, std::ref(r), std::ref(seen));
    co_await wring::yield();
    CHECK_FALSE(r.has_result());
    r.set(3, 'x');
    CHECK(r.has_result());
    CHECK(seen.empty());
  });
  co_await note(r, seen);
  REQUIRE(seen.size() == 3);
  CHECK(*seen[0] == "xxx");
  CHECK(seen[1] == seen[0]);
  CHECK(seen[2] == seen[0]);
}

TASK_TEST("the failure of a shared result is thrown in every task, or is a value", "[shared_result]") {
  shared_result<std::unique_ptr<int>> r;
  r.set_exception(std::make_exception_ptr(wring::io_error(wring::error::from_errno(ECONNREFUSED, "connect to"))));
  for (int i = 0; i != 2; ++i) CHECK_THROWS_AS(co_await r.get(), wring::io_error);
  auto as_value = co_await r.get().result();
  REQUIRE_FALSE(as_value);
  CHECK(as_value.error() == std::errc::connection_refused);
}

TASK_TEST("a failure that is no io_error is thrown where a value is asked for, too", "[shared_result]") {
  shared_result<> r;
  r.set_exception(std::make_exception_ptr(std::runtime_error("no")));
  CHECK_THROWS_AS(co_await r.get().result(), std::runtime_error);
}

TEST_CASE("a shared result is set once", "[shared_result]") {
  shared_result<int> r;
  CHECK_THROWS_AS(r.set_exception(nullptr), std::invalid_argument);
  r.set(1);
  CHECK_THROWS_AS(r.set(2), std::logic_error);
  CHECK_THROWS_AS(r.set_exception(std::make_exception_ptr(1)), std::logic_error);
  wring::testing::run([&]() -> task<> {
    const int value = co_await r.get();
    CHECK(value == 1);
    auto as_value = co_await r.get().result();
    CHECK(*as_value == 1);
  });
}

TEST_CASE("a value whose making throws leaves a shared result unset", "[shared_result]") {
  struct refuses {
    explicit refuses(bool refuse) {
      if (refuse) throw std::runtime_error("refused");
    }
  };
  shared_result<refuses> r;
  CHECK_THROWS_AS(r.set(true), std::runtime_error);
  CHECK_FALSE(r.has_result());
  r.set(false);
  CHECK(r.has_result());
}

TEST_CASE("waits for a shared result can be cancelled everywhere", "[shared_result][cancel_everywhere]") {
  const std::size_t places = wring::testing::cancel_everywhere([]() -> task<> {
    shared_result<> r;
    co_await wring::with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> { co_await r.get(); });
      co_await wring::yield();
      r.set();
      co_await r.get();
    });
  });
  CHECK(places >= 2);
}
