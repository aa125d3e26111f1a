// SPDX-License-Identifier: MIT
#include <chrono>
#include <functional>
#include <stdexcept>
#include <string>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/cancel_scope.hpp>
#include <wring/core/finally.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/sleep.hpp>
#include <wring/core/testing/cancel_everywhere.hpp>
#include <wring/core/testing/clock.hpp>
#include <wring/core/testing/run.hpp>
#include <wring/core/this_task.hpp>
#include <wring/core/when_all.hpp>

#include "support/captured_log.hpp"
#include "support/counted.hpp"
#include "support/waits.hpp"

using namespace std::chrono_literals;
using wring::finally;
using wring::task;
using namespace wring::tests;

namespace {

task<> fail(const char* what) {
  throw std::runtime_error(what);
  co_return;
}

template <class Fn>
void run_jumping(Fn fn) {
  wring::testing::run([&]() -> task<> {
    wring::testing::clock clock;
    clock.jump_when_idle();
    co_await fn();
  });
}

/// What co_await `op` throws, as text.
template <class Make>
task<std::string> thrown_by(Make make) {
  try {
    co_await make();
  } catch (const std::runtime_error& e) {
    co_return e.what();
  }
  co_return "nothing";
}

}  // namespace

TEST_CASE("the clean-up follows the body, whose value is returned", "[finally]") {
  run_jumping([]() -> task<> {
    std::string log;
    auto body = [&]() -> task<int> {
      co_await wring::sleep_for(1ms);
      log += 'b';
      co_return 5;
    };
    auto cleanup = [&]() -> task<> {
      co_await wring::sleep_for(1ms);
      log += 'c';
    };
    const int value = co_await finally(body, cleanup);
    CHECK(value == 5);
    co_await finally(wring::yield(), cleanup());
    CHECK(log == "bcc");
    int there = 0;
    auto refer = [&]() -> task<int&> { co_return there; };
    int& same = co_await finally(refer(), cleanup());
    CHECK(&same == &there);
    const wring::result<int> result = co_await finally(body(), cleanup()).result();
    CHECK(result.value() == 5);
  });
}

TEST_CASE("the body's exception waits for the clean-up and wins over its", "[finally]") {
  const captured_log log;
  run_jumping([&]() -> task<> {
    bool cleaned = false;
    auto cleanup = [&]() -> task<> {
      co_await wring::sleep_for(1ms);
      cleaned = true;
    };
    auto first = [&]() -> task<> { co_await finally(fail("body"), cleanup()); };
    const std::string a = co_await thrown_by(std::ref(first));
    CHECK(a == "body");
    CHECK(cleaned);
    CHECK(log.lines().empty());
    auto second = [&]() -> task<> { co_await finally(fail("body"), fail("clean-up")); };
    const std::string b = co_await thrown_by(std::ref(second));
    CHECK(b == "body");
    REQUIRE(log.lines().size() == 1);
    CHECK(log.lines()[0] == "warn a clean-up failed after its body had failed error=clean-up");
    auto third = [&]() -> task<> { co_await finally(wring::yield(), fail("clean-up")); };
    const std::string c = co_await thrown_by(std::ref(third));
    CHECK(c == "clean-up");
  });
}

TEST_CASE("a callable that throws instead of making a body has its clean-up, too", "[finally]") {
  run_jumping([]() -> task<> {
    bool cleaned = false;
    auto cleanup = [&]() -> task<> {
      cleaned = true;
      co_return;
    };
    auto no_body = []() -> task<> { throw std::runtime_error("no body"); };
    auto whole = [&]() -> task<> { co_await finally(no_body, cleanup); };
    const std::string a = co_await thrown_by(std::ref(whole));
    CHECK(a == "no body");
    CHECK(cleaned);
  });
}

TEST_CASE("a cancelled body has its clean-up, which may await", "[finally]") {
  run_jumping([]() -> task<> {
    const balance even;
    wring::cancel_scope scope;
    std::string log;
    auto body = [&]() -> task<> {
      const counted local;
      co_await forever();
    };
    auto cleanup = [&]() -> task<> {
      log += wring::this_task::cancelled() ? '!' : 'c';
      co_await wring::sleep_for(1s);
      log += 'd';
      co_await wring::when_all(wring::sleep_for(1s), wring::sleep_for(2s));
      log += 'e';
    };
    auto whole = [&]() -> task<> {
      co_await finally(body(), cleanup());
      log += '!';
    };
    auto cancel = [&]() -> task<> {
      co_await wring::sleep_for(1s);
      scope.cancel();
    };
    const auto [finished, done] = co_await wring::when_all(scope.run(whole()), cancel());
    CHECK_FALSE(finished);
    CHECK(log == "cde");
  });
}

TEST_CASE("cancellation during the clean-up waits for it", "[finally]") {
  run_jumping([]() -> task<> {
    wring::cancel_scope scope;
    std::string log;
    auto cleanup = [&]() -> task<> {
      scope.cancel();
      co_await wring::sleep_for(1s);
      log += 'c';
    };
    auto whole = [&]() -> task<> {
      co_await finally(wring::yield(), cleanup());
      log += 'w';  // the body's outcome is delivered: it had ended before
      co_await wring::yield();
      log += '!';
    };
    const bool finished = co_await scope.run(whole());
    CHECK_FALSE(finished);
    CHECK(log == "cw");
  });
}

TEST_CASE("a clean-up's exception is thrown in a cancelled task, too", "[finally]") {
  run_jumping([]() -> task<> {
    wring::cancel_scope scope;
    auto body = [&]() -> task<> {
      scope.cancel();
      co_await wring::yield();
    };
    auto whole = [&]() -> task<> { co_await scope.run(finally(body(), fail("clean-up"))); };
    const std::string a = co_await thrown_by(std::ref(whole));
    CHECK(a == "clean-up");
  });
}

TEST_CASE("a clean-up that overruns its limit is cancelled and logged", "[finally]") {
  const captured_log log;
  run_jumping([&]() -> task<> {
    const balance even;
    const auto begin = wring::steady_clock::now();
    auto slow = []() -> task<> {
      const counted local;
      co_await forever();
    };
    co_await finally(wring::yield(), slow(), 100ms);
    CHECK(wring::steady_clock::now() - begin == 100ms);
    co_await finally(wring::yield(), slow());
    CHECK(wring::steady_clock::now() - begin == 5100ms);
  });
  REQUIRE(log.lines().size() == 2);
  CHECK(log.lines()[0] == "error a clean-up took too long and was cancelled limit_ms=100");
  CHECK(log.lines()[1] == "error a clean-up took too long and was cancelled limit_ms=5000");
}

TEST_CASE("in a task that is cancelled already neither begins", "[finally]") {
  run_jumping([]() -> task<> {
    int begun = 0;
    auto count = [&]() -> task<> {
      ++begun;
      co_return;
    };
    wring::cancel_scope scope;
    scope.cancel();
    const bool finished = co_await scope.run(finally(count(), count()));
    CHECK_FALSE(finished);
    CHECK(begun == 0);
  });
}

TEST_CASE("clean-ups nest from the inside outwards", "[finally]") {
  run_jumping([]() -> task<> {
    wring::cancel_scope scope;
    std::string log;
    auto note = [&](char c) -> task<> {
      co_await wring::sleep_for(1ms);
      log += c;
    };
    auto innermost = [&]() -> task<> {
      scope.cancel();
      co_await wring::yield();
    };
    const bool finished = co_await scope.run(finally(finally(finally(innermost(), note('1')), note('2')), note('3')));
    CHECK_FALSE(finished);
    CHECK(log == "123");
  });
}

TEST_CASE("clean-ups can be cancelled everywhere, and are always run to their end", "[finally]") {
  int begun = 0;
  int cleaned = 0;
  wring::testing::cancel_everywhere([&]() -> task<> {
    const balance even;
    auto body = [&]() -> task<> {
      ++begun;
      const counted local;
      co_await wring::sleep_for(1s);
    };
    auto cleanup = [&]() -> task<> {
      const counted local;
      co_await wring::sleep_for(1s);
      co_await wring::yield();
      ++cleaned;
    };
    co_await finally(body(), cleanup());
    co_await finally(body(), cleanup());
  });
  CHECK(begun == cleaned);
  CHECK(begun > 8);
}
