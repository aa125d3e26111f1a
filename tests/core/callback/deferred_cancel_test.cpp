// SPDX-License-Identifier: MIT
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/callback/deferred.hpp>

#include "support/captured_log.hpp"

using wring::deferred;
using wring::deferred_source;
using wring::failure;
using wring::tests::captured_log;

namespace {

/// How a chain ended, written down when it does.
struct ending {
  std::string text = "nothing";
  void of(deferred<int>& d) {
    d.add_callbacks(
        [this](int n) {
          text = std::to_string(n);
          return n;
        },
        [this](const failure& f) {
          text = f.check<wring::cancelled_error>() ? "cancelled" : f.message();
          return 0;
        });
  }
};

}  // namespace

TEST_CASE("cancelled without a canceller, a deferred fails, and the next attempt to fire is ignored", "[deferred]") {
  captured_log log;
  ending end;
  deferred_source<int> source;
  auto d = source.get();
  end.of(d);
  d.cancel();
  CHECK(end.text == "cancelled");
  CHECK(d.called());
  SECTION("a value") { source.callback(1); }
  SECTION("a failure") { source.errback(std::runtime_error("late")); }
  CHECK_THROWS_AS(source.callback(2), wring::already_called);
  CHECK_THROWS_AS(source.errback(std::runtime_error("later")), wring::already_called);
  d.cancel();
  CHECK(end.text == "cancelled");
  CHECK(log.lines().empty());
}

TEST_CASE("a canceller that does not fire makes the deferred fail, and firing later throws", "[deferred]") {
  ending end;
  int calls = 0;
  auto alive = std::make_shared<int>();
  deferred_source<int> source([&, alive](deferred_source<int>& s) {
    CHECK(&s == &source);
    ++calls;
  });
  auto d = source.get();
  end.of(d);
  CHECK(alive.use_count() == 2);
  d.cancel();
  CHECK(calls == 1);
  CHECK(alive.use_count() == 1);
  CHECK(end.text == "cancelled");
  CHECK_THROWS_AS(source.callback(1), wring::already_called);
  d.cancel();
  CHECK(calls == 1);
}

TEST_CASE("a canceller may fire with what it likes", "[deferred]") {
  ending end;
  SECTION("a value") {
    deferred_source<int> source([](deferred_source<int>& s) { s.callback(5); });
    auto d = source.get();
    end.of(d);
    d.cancel();
    CHECK(end.text == "5");
    CHECK_THROWS_AS(source.callback(1), wring::already_called);
  }
  SECTION("a failure") {
    deferred_source<int> source([](deferred_source<int>& s) { s.errback(std::runtime_error("given up")); });
    auto d = source.get();
    end.of(d);
    d.cancel();
    CHECK(end.text == "given up");
  }
  SECTION("after it was moved") {
    deferred_source<int> source([](deferred_source<int>& s) { s.callback(6); });
    auto d = source.get();
    end.of(d);
    const auto moved = std::move(source);
    d.cancel();
    CHECK(end.text == "6");
  }
  SECTION("by going away") {
    std::optional<deferred_source<int>> source;
    source.emplace([&] { source.reset(); });
    auto d = source->get();
    end.of(d);
    d.cancel();
    CHECK(end.text.find("without having fired") != std::string::npos);
  }
}

TEST_CASE("what a canceller throws leaves cancel, and the deferred is as it was", "[deferred]") {
  ending end;
  int calls = 0;
  deferred_source<int> source([&] {
    if (++calls == 1) throw std::runtime_error("not now");
  });
  auto d = source.get();
  end.of(d);
  CHECK_THROWS_AS(d.cancel(), std::runtime_error);
  CHECK_FALSE(d.called());
  CHECK(end.text == "nothing");
  SECTION("it can be cancelled again") {
    d.cancel();
    CHECK(calls == 2);
    CHECK(end.text == "cancelled");
  }
  SECTION("it can be fired") {
    source.callback(3);
    CHECK(end.text == "3");
  }
}

TEST_CASE("a canceller that fires and then throws has fired", "[deferred]") {
  ending end;
  deferred_source<int> source([](deferred_source<int>& s) {
    s.callback(1);
    throw std::runtime_error("too late");
  });
  auto d = source.get();
  end.of(d);
  CHECK_THROWS_AS(d.cancel(), std::runtime_error);
  CHECK(end.text == "1");
  d.cancel();
}

TEST_CASE("a canceller that cancels again does not go round in circles", "[deferred]") {
  ending end;
  std::optional<deferred<int>> d;
  deferred_source<int> source([&] { d->cancel(); });
  d.emplace(source.get());
  end.of(*d);
  d->cancel();
  CHECK(end.text == "cancelled");
}

TEST_CASE("the canceller is destroyed when the deferred is fired", "[deferred]") {
  const auto alive = std::make_shared<int>();
  deferred_source<int> source([alive] {});
  auto d = source.get();
  CHECK(alive.use_count() == 2);
  source.callback(1);
  CHECK(alive.use_count() == 1);
  d.cancel();
  CHECK(d.called());
}

TEST_CASE("cancelling a chain that waits cancels what it waits for", "[deferred]") {
  ending end;
  int outer_calls = 0;
  int inner_calls = 0;
  deferred_source<int> outer([&] { ++outer_calls; });
  deferred_source<int> inner([&] { ++inner_calls; });
  auto d = outer.get();
  d.add_callback([&](int) { return inner.get(); });
  SECTION("and the chain may recover") {
    deferred_source<int> second;
    d.add_errback([&](const failure& f) {
      f.trap<wring::cancelled_error>();
      return second.get();
    });
    end.of(d);
    outer.callback(1);
    d.cancel();
    CHECK(inner_calls == 1);
    CHECK(end.text == "nothing");
    SECTION("with another value") {
      second.callback(8);
      CHECK(end.text == "8");
    }
    SECTION("and be cancelled again") {
      d.cancel();
      CHECK(end.text == "cancelled");
      second.callback(8);
      CHECK_THROWS_AS(second.callback(9), wring::already_called);
    }
  }
  SECTION("and fails with it") {
    end.of(d);
    outer.callback(1);
    d.cancel();
    CHECK(inner_calls == 1);
    CHECK(end.text == "cancelled");
  }
  CHECK(outer_calls == 0);
}

TEST_CASE("cancelling a deferred that has fired does nothing", "[deferred]") {
  ending end;
  deferred_source<int> source([] { FAIL_CHECK("it has fired"); });
  auto d = source.get();
  d.pause();
  source.callback(1);
  d.cancel();
  end.of(d);
  d.unpause();
  CHECK(end.text == "1");
  CHECK_THROWS_AS(source.callback(1), wring::already_called);
}

TEST_CASE("a deferred can be cancelled while it is paused", "[deferred]") {
  ending end;
  deferred_source<int> source;
  auto d = source.get();
  end.of(d);
  d.pause();
  d.cancel();
  CHECK(end.text == "nothing");
  d.unpause();
  CHECK(end.text == "cancelled");
}
