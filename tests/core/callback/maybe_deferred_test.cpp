// SPDX-License-Identifier: MIT
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/callback/deferred.hpp>
#include <wring/core/callback/maybe_deferred.hpp>
#include <wring/core/testing/run.hpp>
#include <wring/core/this_task.hpp>

using wring::deferred;
using wring::deferred_source;
using wring::failure;
using wring::maybe_deferred;
using wring::task;

namespace {

std::string end_of(deferred<int> d) {
  std::string end = "nothing";
  d.add_callbacks(
      [&](int n) {
        end = std::to_string(n);
        return n;
      },
      [&](const failure& f) {
        end = f.message();
        return 0;
      });
  return end;
}

int half(int n) {
  if (n % 2 != 0) throw std::domain_error("odd");
  return n / 2;
}

}  // namespace

TEST_CASE("whatever a function gives, maybe_deferred makes a deferred of it", "[maybe_deferred]") {
  CHECK(end_of(maybe_deferred(half, 4)) == "2");
  CHECK(end_of(maybe_deferred(half, 3)) == "odd");
  deferred_source<int> source;
  auto passed = maybe_deferred([&] { return source.get(); });
  source.callback(3);
  CHECK(end_of(std::move(passed)) == "3");
  auto failed = maybe_deferred([] { return failure(std::runtime_error("returned")); });
  static_assert(std::is_same_v<decltype(failed), deferred<void>>);
  std::string end;
  failed.add_errback([&](const failure& f) { end = f.message(); });
  CHECK(end == "returned");
  bool called = false;
  auto nothing = maybe_deferred([](bool& b) { b = true; }, called);
  static_assert(std::is_same_v<decltype(nothing), deferred<void>>);
  CHECK(called);
  CHECK(nothing.called());
}

TEST_CASE("maybe_deferred starts a task", "[maybe_deferred]") {
  wring::testing::run([]() -> task<> {
    auto d = maybe_deferred(
        [](int n) -> task<int> {
          co_await wring::yield();
          co_return n;
        },
        6);
    CHECK_FALSE(d.called());
    const int n = co_await std::move(d);
    CHECK(n == 6);
  });
}
