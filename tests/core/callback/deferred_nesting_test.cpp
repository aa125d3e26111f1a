// SPDX-License-Identifier: MIT
// Deferreds that are fired, unpaused or cancelled by callbacks of others.
#include <cstddef>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/callback/cooperator.hpp>
#include <wring/core/callback/deferred_list.hpp>
#include <wring/core/callback/first_error.hpp>
#include <wring/core/callback/from_callback.hpp>
#include <wring/core/callback/gather_results.hpp>
#include <wring/core/callback/looping_call.hpp>
#include <wring/core/testing/run.hpp>

#include "support/captured_log.hpp"
#include "support/depth.hpp"

using wring::deferred;
using wring::deferred_source;
using wring::failure;
using wring::task;
using wring::tests::captured_log;

namespace {

constexpr std::size_t limit = wring::detail::deferred_core::depth_limit;
constexpr std::size_t many = wring::tests::very_many;

/// Sources of which each one's callback, which notes when it begins and ends, fires the next one.
struct row {
  std::vector<deferred_source<>> sources;
  std::vector<std::size_t> begun;
  std::vector<std::size_t> ended;

  explicit row(std::size_t n) : sources(n) {
    for (std::size_t i = 0; i != n; ++i) {
      sources[i].get().add_callback([this, i] {
        begun.push_back(i);
        if (i + 1 != sources.size()) sources[i + 1].callback();
        ended.push_back(i);
      });
    }
  }
  row(const row&) = delete;
  row& operator=(const row&) = delete;
};

/// Lists inside each other, each of which fails as its member does.
deferred<std::vector<int>> list_of_lists(deferred<int> innermost, std::size_t depth) {
  const auto unpack = [](const failure& f) { return f.get_if<wring::first_error>()->sub_failure(); };
  std::vector<deferred<int>> one;
  one.push_back(std::move(innermost));
  auto all = wring::gather_results(std::move(one), true);
  all.add_errback(unpack);
  for (std::size_t i = 1; i != depth; ++i) {
    std::vector<deferred<std::vector<int>>> inner;
    inner.push_back(std::move(all));
    all = wring::gather_results(std::move(inner), true)
              .add_callbacks([](auto values) { return std::move(values.front()); }, unpack);
  }
  return all;
}

}  // namespace

TEST_CASE("callbacks of a deferred that is fired in a callback run before that goes on", "[deferred]") {
  row r(limit);
  r.sources.front().callback();
  REQUIRE(r.begun.size() == limit);
  REQUIRE(r.ended.size() == limit);
  bool ordered = true;
  for (std::size_t i = 0; i != limit; ++i) ordered = ordered && r.begun[i] == i && r.ended[i] == limit - 1 - i;
  CHECK(ordered);
}

TEST_CASE("deeper than the limit, callbacks run when the innermost that is under way has ended", "[deferred]") {
  row r(limit + 2);
  r.sources.front().callback();
  REQUIRE(r.begun.size() == limit + 2);
  REQUIRE(r.ended.size() == limit + 2);
  bool ordered = true;
  for (std::size_t i = 0; i != limit + 2; ++i) ordered = ordered && r.begun[i] == i;
  for (std::size_t i = 0; i != 3; ++i) ordered = ordered && r.ended[i] == limit - 1 + i;
  for (std::size_t i = 3; i != limit + 2; ++i) ordered = ordered && r.ended[i] == limit + 1 - i;
  CHECK(ordered);
}

TEST_CASE("what is added to a deferred that has fired is called at once at every depth", "[deferred]") {
  row r(limit + 3);
  std::string order;
  deferred_source<> fired_below;
  auto d = fired_below.get();
  d.add_callback([&] { order += 'a'; });
  r.sources[limit + 2].pause();
  r.sources.push_back(deferred_source<>());
  r.sources.back().get().add_callback([&] {
    fired_below.callback();  // put off
    order += '1';
    d.add_callback([&] { order += 'b'; });  // in order: with what was put off
    order += '2';
    wring::succeed().add_callback([&] { order += 'c'; });
    order += '3';
  });
  r.sources[limit + 2].unpause();
  r.sources.front().callback();
  CHECK(order == "1ab2c3");
}

TEST_CASE("a deferred that is put off may be paused, chained, cancelled and dropped meanwhile", "[deferred]") {
  captured_log log;
  row r(limit);
  std::string order;
  std::vector<deferred_source<>> sources(5);
  std::vector<deferred<>> ds;
  for (std::size_t i = 0; i != sources.size(); ++i) {
    ds.push_back(sources[i].get());
    ds.back().add_callback([&, i] { order += std::to_string(i); });
  }
  deferred_source<> target;
  auto waits = target.get().add_callback([&] { order += 'w'; });
  deferred<> outer = wring::succeed();
  r.sources.push_back(deferred_source<>());
  r.sources.back().get().add_callback([&] {
    for (auto& source : sources) source.callback();
    CHECK(order.empty());
    ds[0].pause();
    std::move(ds[1]).chain_deferred(std::move(target));
    ds[2].cancel();
    {
      const auto dropped = std::move(ds[3]);
    }
    outer.add_callback([&] { return std::move(ds[4]); });
    outer.add_callback([&] { order += 'o'; });
    sources.erase(sources.begin() + 1, sources.end());
  });
  r.sources.front().callback();
  CHECK(order == "1w234o");
  ds[0].unpause();
  CHECK(order == "1w234o0");
  CHECK(log.lines().empty());
}

TEST_CASE("very many deferreds that fire each other need no deep stack", "[deferred]") {
  captured_log log;
  SECTION("by their callbacks") {
    row r(many);
    r.sources.front().callback();
    CHECK(r.ended.size() == many);
  }
  SECTION("by sources that their callbacks own") {
    std::size_t broken = 0;
    deferred_source<> next;
    auto last = next.get().add_errback([&](const failure& f) { broken += f.check<wring::broken_deferred>() ? 1 : 0; });
    for (std::size_t i = 1; i != many; ++i) {
      deferred_source<> source;
      source.get().add_errback(
          [&, owned = std::move(next)](const failure& f) { broken += f.check<wring::broken_deferred>() ? 1 : 0; });
      next = std::move(source);
    }
    next = deferred_source<>(nullptr);
    CHECK(broken == many);
  }
  SECTION("by ending the pause of each other") {
    std::size_t ended = 0;
    std::vector<deferred<>> all;
    for (std::size_t i = 0; i != many; ++i) {
      all.push_back(wring::succeed());
      all.back().pause();
      all.back().add_callback([&, i] {
        if (i + 1 != many) all[i + 1].unpause();
        ++ended;
      });
    }
    all.front().unpause();
    CHECK(ended == many);
  }
  SECTION("by cancelling each other") {
    std::size_t ended = 0;
    std::vector<deferred_source<>> sources(many);
    std::vector<deferred<>> all;
    for (std::size_t i = 0; i != many; ++i) {
      all.push_back(sources[i].get());
      all.back().add_errback([&, i](const failure&) {
        if (i + 1 != many) all[i + 1].cancel();
        ++ended;
      });
    }
    all.front().cancel();
    CHECK(ended == many);
  }
  CHECK(log.lines().empty());
}

TEST_CASE("very many lists inside each other need no deep stack", "[deferred_list]") {
  captured_log log;
  std::string end;
  std::string cancelled;
  deferred_source<int> source([&] { cancelled += 'x'; });
  auto all = list_of_lists(source.get(), many);
  all.add_callbacks(
      [&](const std::vector<int>& values) {
        end = std::to_string(values.size()) + ' ' + std::to_string(values.front());
        return values;
      },
      [&](const failure& f) {
        end = f.check<wring::cancelled_error>() ? "cancelled" : f.message();
        return std::vector<int>();
      });
  SECTION("that fire") {
    source.callback(5);
    CHECK(end == "1 5");
  }
  SECTION("that fail") {
    source.errback(std::runtime_error("no"));
    CHECK(end == "no");
  }
  SECTION("that are cancelled") {
    all.cancel();
    CHECK(cancelled == "x");
    CHECK(end == "cancelled");
  }
  SECTION("that are dropped") { all = wring::succeed(std::vector<int>()); }
  CHECK(log.lines().empty());
}

TEST_CASE("very many deferreds whose pause ends with their owners need no deep stack", "[deferred]") {
  std::size_t ended = 0;
  {
    auto d = wring::succeed();
    for (std::size_t i = 0; i != many; ++i) {
      auto outer = wring::succeed();
      outer.pause();
      outer.add_callback([&, inner = std::move(d)]() mutable {
        ++ended;
        return std::move(inner);
      });
      d = std::move(outer);
    }
  }
  CHECK(ended == many);
}

TEST_CASE("very many works, loops and completion callbacks that end each other need no deep stack", "[deferred]") {
  wring::testing::run([]() -> task<> {
    std::size_t ended = 0;
    std::vector<wring::cooperative_task> works;
    std::vector<wring::looping_call> loops;
    std::vector<wring::completion_callback<>> calls;
    for (std::size_t i = 0; i != many; ++i) {
      works.push_back(wring::cooperate([] { return true; }));
      works.back().when_done().add_errback([&, i](const failure&) {
        if (i + 1 != many) works[i + 1].stop();
        ++ended;
      });
      loops.emplace_back([] {});
      loops.back().start(std::chrono::hours(1)).add_callback([&, i] {
        if (i + 1 != many) loops[i + 1].stop();
        ++ended;
      });
      wring::from_callback<>([&](auto done) { calls.push_back(std::move(done)); }).add_callback([&, i] {
        if (i + 1 != many) calls[i + 1]();
        ++ended;
      });
    }
    works.front().stop();
    loops.front().stop();
    calls.front()();
    CHECK(ended == 3 * many);
    co_return;
  });
}
