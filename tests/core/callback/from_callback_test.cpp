// SPDX-License-Identifier: MIT
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <wring/core/callback/from_callback.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/sleep.hpp>
#include <wring/core/testing/cancel_everywhere.hpp>
#include <wring/core/testing/run.hpp>

#include "chain_end.hpp"
#include "support/allocation_count.hpp"
#include "support/captured_log.hpp"

using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;
using wring::completion_callback;
using wring::deferred;
using wring::failure;
using wring::from_callback;
using wring::task;
using wring::tests::captured_log;
using wring::tests::note_end;

namespace {

/// An interface in C: it keeps one request, and calls back with a status and a text.
struct c_api {
  void (*callback)(void*, int, const char*) = nullptr;
  void* data = nullptr;

  void start(void (*called)(void*, int, const char*), void* with) {
    callback = called;
    data = with;
  }
  void finish(int status, const char* text) const { callback(data, status, text); }
};

}  // namespace

TEST_CASE("a deferred of a callback fires with what that is called with", "[from_callback]") {
  captured_log records;
  wring::testing::run([]() -> task<> {
    std::function<void(int)> one;
    std::function<void()> none;
    std::function<void(int, const char*)> two;
    auto of_one = from_callback<int>([&](auto done) { one = done; });
    auto of_none = from_callback<>([&](auto done) { none = done; });
    auto of_two = from_callback<int, std::string>([&](auto done) { two = done; });
    std::string log;
    note_end(of_one, log);
    one(1);
    CHECK(log == "1");
    none();
    co_await std::move(of_none);
    two(2, "text");
    const auto [number, text] = co_await std::move(of_two);
    CHECK(number == 2);
    CHECK(text == "text");
    const int at_once = co_await from_callback<int>([](auto done) { done(3); });
    CHECK(at_once == 3);
    const auto owned = co_await from_callback<std::unique_ptr<int>>([](auto done) { done(std::make_unique<int>(4)); });
    CHECK(*owned == 4);
  });
  CHECK(records.lines().empty());
}

TEST_CASE("a callback can report a failure, and so does what initiating throws", "[from_callback]") {
  wring::testing::run([]() -> task<> {
    std::string log;
    auto failed = from_callback<int>([](auto done) { done.fail(std::runtime_error("refused ")); });
    note_end(failed, log);
    auto with_failure = from_callback<int>([](auto done) { done.fail(failure(std::runtime_error("again "))); });
    note_end(with_failure, log);
    auto thrown = from_callback<int>([](auto) { throw std::runtime_error("thrown"); });
    note_end(thrown, log);
    CHECK(log == "refused again thrown");
    co_return;
  });
}

TEST_CASE("of several calls the first counts, and the second is logged", "[from_callback]") {
  captured_log records;
  wring::testing::run([]() -> task<> {
    std::string log;
    std::optional<completion_callback<int>> kept;
    auto d = from_callback<int>([&](auto done) { kept = done; });
    note_end(d, log);
    (*kept)(1);
    (*kept)(2);
    kept->fail(std::runtime_error("late"));
    CHECK(log == "1");
    co_return;
  });
  REQUIRE(records.lines().size() == 1);
  CHECK_THAT(records.lines()[0], ContainsSubstring("warning a completion callback was called more than once") ||
                                     ContainsSubstring("warn a completion callback was called more than once"));
  CHECK_THAT(records.lines()[0], ContainsSubstring("made_at=from_callback_test.cpp:"));
}

TEST_CASE("a callback that goes without a call breaks the deferred", "[from_callback]") {
  wring::testing::run([]() -> task<> {
    std::string log;
    auto at_once = from_callback<int>([](auto) {});
    note_end(at_once, log);
    CHECK(log == "broken");
    std::optional<completion_callback<int>> first;
    std::optional<completion_callback<int>> second;
    auto later = from_callback<int>([&](auto done) {
      first = done;
      second = std::move(done);
    });
    note_end(later, log);
    first.reset();
    CHECK(log == "broken");
    second.reset();
    CHECK(log == "brokenbroken");
    co_return;
  });
}

TEST_CASE("a value that cannot be made is a failure of the deferred", "[from_callback]") {
  struct picky {
    explicit picky(int n) : value(n) {
      if (n < 0) throw std::invalid_argument("negative");
    }
    int value;
  };
  wring::testing::run([]() -> task<> {
    auto d = from_callback<picky>([](auto done) { done(-1); });
    CHECK_THROWS_AS(co_await std::move(d), std::invalid_argument);
  });
}

TEST_CASE("a callback passes through C as a pointer", "[from_callback]") {
  captured_log records;
  wring::testing::run([]() -> task<> {
    c_api api;
    auto d = from_callback<int, std::string>([&](auto done) {
      api.start([](void* data, int status,
                   const char* text) { completion_callback<int, std::string>::adopt(data)(status, text); },
                done.release());
    });
    api.finish(5, "five");
    const auto [status, text] = co_await std::move(d);
    CHECK(status == 5);
    CHECK(text == "five");
  });
  CHECK(records.lines().empty());
  wring::testing::run([]() -> task<> {
    c_api api;
    auto d = from_callback<int>([&](auto done) {
      api.start([](void* data, int status, const char*) { completion_callback<int>::borrow(data)(status); },
                done.release());
    });
    api.finish(1, "");
    api.finish(2, "");
    static_cast<void>(completion_callback<int>::adopt(api.data));
    const int status = co_await std::move(d);
    CHECK(status == 1);
  });
  CHECK(records.lines().size() == 1);
}

TEST_CASE("without a canceller a cancelled deferred fails at once, and a late call is ignored", "[from_callback]") {
  captured_log records;
  wring::testing::run([]() -> task<> {
    std::string log;
    std::optional<completion_callback<int>> kept;
    auto d = from_callback<int>([&](auto done) { kept = done; });
    note_end(d, log);
    d.cancel();
    CHECK(log == "cancelled");
    (*kept)(1);
    CHECK(log == "cancelled");
    co_return;
  });
  CHECK(records.lines().empty());
}

TEST_CASE("a canceller decides how a cancellation ends", "[from_callback]") {
  captured_log records;
  wring::testing::run([]() -> task<> {
    std::string log;
    std::optional<completion_callback<int>> kept;
    const auto keep = [&](auto done) { kept = done; };
    SECTION("it returns nothing: it is over") {
      auto d = from_callback<int>(keep, [&] { log += "stop "; });
      note_end(d, log);
      d.cancel();
      d.cancel();
      CHECK(log == "stop cancelled");
    }
    SECTION("it returns true: it is over") {
      auto d = from_callback<int>(keep, [&] { return true; });
      note_end(d, log);
      d.cancel();
      CHECK(log == "cancelled");
      (*kept)(1);
    }
    SECTION("it returns false: the call is waited for") {
      int asked = 0;
      auto d = from_callback<int>(keep, [&] {
        ++asked;
        return false;
      });
      note_end(d, log);
      d.cancel();
      d.cancel();
      CHECK(log.empty());
      CHECK(asked == 1);
      (*kept)(7);
      CHECK(log == "7");
    }
    SECTION("it makes the API call back: that counts") {
      auto d = from_callback<int>(keep, [&] { kept->fail(std::runtime_error("aborted")); });
      note_end(d, log);
      d.cancel();
      CHECK(log == "aborted");
    }
    SECTION("it destroys the callback: it is over") {
      auto d = from_callback<int>(keep, [&] { kept.reset(); });
      note_end(d, log);
      d.cancel();
      CHECK(log == "cancelled");
    }
    SECTION("the callback is destroyed later: that confirms") {
      auto d = from_callback<int>(keep, [] { return false; });
      note_end(d, log);
      d.cancel();
      CHECK(log.empty());
      kept.reset();
      CHECK(log == "cancelled");
    }
    SECTION("it throws: the deferred waits on") {
      auto d = from_callback<int>(keep, [] { throw std::runtime_error("cannot"); });
      note_end(d, log);
      CHECK_THROWS_AS(d.cancel(), std::runtime_error);
      (*kept)(1);
      CHECK(log == "1");
    }
    SECTION("it is not called after the call, and destroyed by it") {
      const auto held = std::make_shared<int>(0);
      auto d = from_callback<int>(keep, [held, &log] { log += "stop"; });
      note_end(d, log);
      (*kept)(2);
      CHECK(held.use_count() == 1);
      d.cancel();
      CHECK(log == "2");
    }
    co_return;
  });
  CHECK(records.lines().empty());
}

TEST_CASE("a callback costs no call of malloc in steady state", "[from_callback]") {
  if (!wring::tests::counts_allocations) SKIP("allocations are not counted under a sanitizer");
  wring::testing::run([]() -> task<> {
    std::size_t before = 0;
    for (int i = 0; i != 1000; ++i) {
      if (i == 10) before = wring::tests::allocations();
      co_await from_callback<int>([](auto done) { done(1); });
    }
    CHECK(wring::tests::allocations() == before);
  });
}

TEST_CASE("waiting for callbacks can be cancelled everywhere", "[from_callback]") {
  const auto points = wring::testing::cancel_everywhere([]() -> task<> {
    co_await wring::with_nursery([&](wring::nursery& n) -> task<> {
      std::optional<completion_callback<int>> kept;
      n.start([&]() -> task<> {
        co_await wring::sleep_for(1s);
        if (kept) (*kept)(1);
        co_await wring::sleep_for(1s);
        if (kept) (*kept)(2);
      });
      const auto keep = [&](auto done) { kept = done; };
      co_await from_callback<int>(keep);
      co_await from_callback<int>(keep, [&] {
        (*kept)(3);
        return false;
      });
      co_await n.vacancy();
      n.cancel();
    });
  });
  CHECK(points > 2);
}
