// SPDX-License-Identifier: MIT
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <wring/core/callback/deferred.hpp>

#include "support/captured_log.hpp"
#include "support/depth.hpp"

using Catch::Matchers::ContainsSubstring;
using wring::deferred;
using wring::deferred_source;
using wring::failure;
using wring::tests::captured_log;

TEST_CASE("a chain waits for the deferred that a callback returns", "[deferred]") {
  deferred_source<int> outer;
  deferred_source<int> inner;
  std::vector<int> seen;
  auto d = outer.get();
  d.add_callback([&](int) { return inner.get(); }).add_callback([&](int n) {
    seen.push_back(n);
    return n;
  });
  outer.callback(1);
  CHECK(seen.empty());
  d.add_callback([&](int n) {
    seen.push_back(n + 1);
    return n;
  });
  CHECK(seen.empty());
  inner.callback(5);
  CHECK(seen == std::vector<int>{5, 6});
}

TEST_CASE("a deferred that has fired already is taken at once", "[deferred]") {
  captured_log log;
  std::string end;
  const auto d =
      wring::succeed(1)
          .add_callback([](int) { return wring::fail<int>(std::runtime_error("inner")); })
          .add_errback([](const failure& f) {
            return wring::succeed(f.message()).add_callback([](auto s) { return static_cast<int>(s.size()); });
          })
          .add_callback([&](int n) { end = std::to_string(n); });
  CHECK(end == "5");
  CHECK(log.lines().empty());
}

TEST_CASE("what an inner deferred carries is converted to what its chain carries", "[deferred]") {
  auto d = wring::succeed(1);
  double end = 0;
  std::move(d)
      .add_callbacks([](int) { return wring::succeed(2); }, [](const failure&) { return 0.5; })
      .add_callback([&](double n) { end = n; })
      .add_callback([] { return wring::succeed(3); })
      .add_both([&](auto) { end += 1; });
  CHECK(end == 3);
}

TEST_CASE("a chain waits while the inner deferred is paused, or waits itself", "[deferred]") {
  deferred_source<int> first;
  deferred_source<int> second;
  int end = 0;
  first.pause();
  first.callback(1);
  auto waiting = wring::succeed(0).add_callback([&](int) { return first.get(); }).add_callback([&](int n) {
    return second.get().add_callback([n](int m) { return n + m; });
  });
  auto d = wring::succeed(0).add_callback([&](int) { return std::move(waiting); });
  d.add_callback([&](int n) { return end = n; });
  CHECK(end == 0);
  first.unpause();
  CHECK(end == 0);
  second.callback(2);
  CHECK(end == 3);
}

TEST_CASE("a paused chain does not go on when its inner deferred fires", "[deferred]") {
  deferred_source<int> inner;
  auto d = wring::succeed(0);
  d.pause();
  d.add_callback([&](int) { return inner.get(); });
  int end = 0;
  d.unpause();
  d.pause();
  d.add_callback([&](int n) { return end = n; });
  inner.callback(1);
  CHECK(end == 0);
  d.unpause();
  CHECK(end == 1);
}

TEST_CASE("a pause ends with the last who could unpause", "[deferred]") {
  auto paused = wring::succeed(1);
  paused.pause();
  int end = 0;
  auto d = wring::succeed(0).add_callback([&](int) { return std::move(paused); });
  d.add_callback([&](int n) { return end = n; });
  CHECK(end == 1);

  std::optional<deferred_source<int>> source(std::in_place);
  source->pause();
  source->callback(2);
  auto e = wring::succeed(0).add_callback([&](int) { return source->get(); });
  e.add_callback([&](int n) { return end = n; });
  CHECK(end == 1);
  source.reset();
  CHECK(end == 2);
}

TEST_CASE("a callback that returns a deferred of its own chain makes it fail", "[deferred]") {
  deferred_source<int> source;
  std::optional<deferred<int>> own(source.get());
  captured_log log;
  own->add_callback([&](int) { return std::move(*own); });
  source.callback(1);
  own.reset();
  source = deferred_source<int>();
  REQUIRE(log.lines().size() == 1);
  CHECK_THAT(log.lines()[0], ContainsSubstring("waits for the callback's own chain"));
}

TEST_CASE("very many deferreds that wait for each other need no deep stack", "[deferred]") {
  constexpr int depth = wring::tests::very_many;
  int end = 0;
  SECTION("fired from the innermost") {
    deferred_source<int> innermost;
    auto d = innermost.get();
    for (int i = 0; i != depth; ++i) {
      d = wring::succeed(0).add_callback([inner = std::move(d)](int) mutable { return std::move(inner); });
      d.add_callback([](int n) { return n + 1; });
    }
    d.add_callback([&](int n) { return end = n; });
    innermost.callback(1);
    CHECK(end == depth + 1);
  }
  SECTION("fired from the outermost") {
    std::vector<deferred_source<int>> sources(depth);
    auto d = sources.back().get();
    for (int i = depth - 1; i-- > 0;) {
      auto outer = sources[static_cast<std::size_t>(i)].get();
      outer.add_callback([inner = std::move(d)](int) mutable { return std::move(inner); });
      d = std::move(outer);
    }
    d.add_callback([&](int n) { return end = n; });
    for (auto& source : sources) source.callback(7);
    CHECK(end == 7);
  }
  SECTION("cancelled") {
    deferred_source<int> innermost;
    auto d = innermost.get();
    for (int i = 0; i != depth; ++i) {
      d = wring::succeed(0).add_callback([inner = std::move(d)](int) mutable { return std::move(inner); });
    }
    d.add_errback([&](const failure& f) { return end = f.check<wring::cancelled_error>() ? 1 : 2; });
    d.cancel();
    CHECK(end == 1);
  }
  SECTION("dropped before they are fired") {
    captured_log log;
    std::vector<deferred_source<int>> sources(depth);
    {
      auto d = sources.back().get();
      for (int i = depth - 1; i-- > 0;) {
        auto outer = sources[static_cast<std::size_t>(i)].get();
        outer.add_callback([inner = std::move(d)](int) mutable { return std::move(inner); });
        d = std::move(outer);
      }
      d.add_both([&](const auto&) { return ++end; });
    }
    while (!sources.empty()) sources.pop_back();
    CHECK(end == 1);
  }
  SECTION("dropped while they are paused") {
    captured_log log;
    deferred_source<int> source;
    source.pause();
    source.callback(0);
    auto d = source.get();
    for (int i = 0; i != depth; ++i) {
      deferred_source<int> paused;
      paused.pause();
      paused.callback(0);
      auto outer = paused.get();
      outer.add_callback([inner = std::move(d)](int) mutable { return std::move(inner); });
      d = std::move(outer);
    }
    d = wring::succeed(1);
  }
  SECTION("chained one way") {
    deferred_source<int> first;
    auto d = first.get();
    for (int i = 0; i != depth; ++i) {
      deferred_source<int> next;
      auto e = next.get();
      std::move(d).chain_deferred(std::move(next));
      d = std::move(e);
    }
    d.add_callback([&](int n) { return end = n; });
    first.callback(3);
    CHECK(end == 3);
  }
}

TEST_CASE("chain_deferred fires a source with the result, and lets no cancellation through", "[deferred]") {
  deferred_source<int> first;
  deferred_source<int> second;
  std::string end;
  auto d = second.get();
  d.add_both([&](auto r) {
    if constexpr (std::is_same_v<decltype(r), int>) {
      end = std::to_string(r);
    } else {
      end = r.message();
    }
    return 0;
  });
  first.get().chain_deferred(std::move(second));
  SECTION("a value") {
    first.callback(1);
    CHECK(end == "1");
  }
  SECTION("a failure") {
    first.errback(std::runtime_error("no"));
    CHECK(end == "no");
  }
  SECTION("cancelled") {
    captured_log log;
    d.cancel();
    CHECK_THAT(end, ContainsSubstring("cancelled"));
    first.callback(1);  // the one that a cancellation swallows
    CHECK(log.lines().empty());
  }
}

TEST_CASE("a failure that nobody handles is reported once, when nobody is left who could", "[deferred]") {
  captured_log log;
  SECTION("fired after the handle has gone") {
    deferred_source<int> source;
    static_cast<void>(source.get());
    source.errback(std::runtime_error("lost"));
    REQUIRE(log.lines().size() == 1);
    CHECK_THAT(log.lines()[0], ContainsSubstring("unhandled failure of a deferred error=lost type=std::runtime_error"));
    CHECK_THAT(log.lines()[0], ContainsSubstring("fired_at=deferred_chaining_test.cpp:"));
  }
  SECTION("the handle goes after it has fired") {
    deferred_source<int> source;
    auto d = std::make_unique<deferred<int>>(source.get());
    source.errback(std::runtime_error("lost"));
    CHECK(log.lines().empty());
    d.reset();
    CHECK(log.lines().size() == 1);
  }
  SECTION("the handle was never taken") {
    {
      deferred_source<int> source;
      source.errback(std::runtime_error("lost"));
      CHECK(log.lines().empty());
    }
    CHECK(log.lines().size() == 1);
  }
  SECTION("at the end of a chain of chains") {
    deferred_source<int> source;
    {
      auto d = wring::succeed(1).add_callback([&](int) { return source.get(); });
      d.add_callback([](int n) { return n; });
    }
    source.errback(std::runtime_error("lost"));
    CHECK(log.lines().size() == 1);
  }
  SECTION("while it is paused, after the handle has gone") {
    deferred_source<int> source;
    {
      auto d = source.get();
      d.pause();
    }
    source.errback(std::runtime_error("lost"));
    CHECK(log.lines().size() == 1);
    source.unpause();
    CHECK(log.lines().size() == 1);
  }
  SECTION("while it is paused") {
    {
      deferred_source<int> source;
      auto d = source.get();
      d.pause();
      d.add_callback([](int n) { return n; });
      source.errback(std::runtime_error("lost"));
    }
    CHECK(log.lines().size() == 1);
  }
  SECTION("its source goes without having fired it") {
    deferred_source<int>().get().add_callback([](int n) { return n; });
    REQUIRE(log.lines().size() == 1);
    CHECK_THAT(log.lines()[0], ContainsSubstring("type=wring::broken_deferred"));
    static_cast<void>(deferred_source<int>().get());  // nobody has an interest in that one
    CHECK(log.lines().size() == 1);
  }
  SECTION("a handler that fails") {
    wring::fail<int>(std::runtime_error("first")).add_errback([](const failure&) -> int {
      throw std::runtime_error("second");
    });
    REQUIRE(log.lines().size() == 1);
    CHECK_THAT(log.lines()[0], ContainsSubstring("error=second"));
  }
}

TEST_CASE("failures that are handled are not reported", "[deferred]") {
  captured_log log;
  {
    deferred_source<int> source;
    auto d = source.get();
    source.errback(std::runtime_error("late but handled"));
    d.add_errback([](const failure&) { return 0; });
    auto e = wring::fail<int>(std::runtime_error("taken by another chain"));
    auto f = wring::succeed(1).add_callback([&](int) { return std::move(e); });
    f.add_errback([](const failure&) { return 0; });
  }
  CHECK(log.lines().empty());
}
