// SPDX-License-Identifier: MIT
// How a pause ends when nobody is left who could unpause.
#include <chrono>
#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <wring/core/callback/cooperator.hpp>
#include <wring/core/callback/deferred_list.hpp>
#include <wring/core/callback/deferred_lock.hpp>
#include <wring/core/callback/first_error.hpp>
#include <wring/core/callback/gather_results.hpp>
#include <wring/core/callback/looping_call.hpp>
#include <wring/core/callback/race.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/testing/run.hpp>
#include <wring/core/this_task.hpp>

#include "support/captured_log.hpp"

using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;
using wring::deferred;
using wring::deferred_source;
using wring::failure;
using wring::task;
using wring::tests::captured_log;

namespace {

struct parts {
  std::vector<deferred_source<int>> sources;
  std::vector<deferred<int>> deferreds;

  explicit parts(std::size_t n) : sources(n) {
    for (auto& s : sources) deferreds.push_back(s.get());
  }
};

std::string text(const wring::deferred_result<int>& r) {
  return r.succeeded() ? std::to_string(*r.value) : r.error->message();
}

void note(deferred<std::vector<wring::deferred_result<int>>>& d, std::string& end) {
  d.add_callbacks(
      [&](const std::vector<wring::deferred_result<int>>& all) {
        end = "list";
        for (const auto& r : all) end += ' ' + text(r);
        return all;
      },
      [&](const failure& f) {
        end = f.message();
        return std::vector<wring::deferred_result<int>>();
      });
}

const std::runtime_error no("no");

}  // namespace

TEST_CASE("a pause ends with the last who could unpause, also if nobody waits", "[deferred]") {
  captured_log log;
  std::optional<deferred_source<int>> source(std::in_place);
  std::optional<deferred<int>> handle(source->get());
  std::string order;
  handle->pause();
  handle->add_both([&](const auto& r) -> int {
    order += std::is_same_v<std::decay_t<decltype(r)>, int> ? 'v' : 'f';
    throw std::runtime_error("lost");
  });
  SECTION("the source goes first, fired") {
    source->callback(1);
    source.reset();
    CHECK(order.empty());
    handle.reset();
    CHECK(order == "v");
  }
  SECTION("the source goes first, not fired") {
    source.reset();
    CHECK(order.empty());
    handle.reset();
    CHECK(order == "f");
  }
  SECTION("the handle goes first") {
    source->callback(1);
    handle.reset();
    CHECK(order.empty());
    source.reset();
    CHECK(order == "v");
  }
  SECTION("the handle goes first, and the source is not fired") {
    handle.reset();
    source.reset();
    CHECK(order == "f");
  }
  SECTION("the source may unpause what nobody holds") {
    handle.reset();
    source->callback(1);
    CHECK(order.empty());
    source->unpause();
    CHECK(order == "v");
  }
  REQUIRE(log.lines().size() == 1);
  CHECK_THAT(log.lines()[0], ContainsSubstring("error=lost"));
}

TEST_CASE("a paused deferred that is chained goes on when nobody is left who could unpause", "[deferred]") {
  captured_log log;
  std::optional<deferred_source<int>> source(std::in_place);
  auto paused = source->get();
  deferred_source<int> target;
  auto end = target.get();
  std::string order;
  int value = 0;
  paused.pause();
  paused.add_callback([&](int n) {
    order += 'p';
    return n + 1;
  });
  end.add_callbacks([&](int n) { return value = n; },
                    [&](const failure& f) { return value = f.check<wring::broken_deferred>() ? -1 : -2; });
  SECTION("its source has gone before") {
    source->callback(1);
    source.reset();
    std::move(paused).chain_deferred(std::move(target));
    CHECK(order == "p");
    CHECK(value == 2);
  }
  SECTION("its source goes later") {
    std::move(paused).chain_deferred(std::move(target));
    source->callback(1);
    CHECK(order.empty());
    source.reset();
    CHECK(order == "p");
    CHECK(value == 2);
  }
  SECTION("its source unpauses it") {
    std::move(paused).chain_deferred(std::move(target));
    source->callback(1);
    source->unpause();
    CHECK(value == 2);
  }
  SECTION("its source goes without having fired it") {
    std::move(paused).chain_deferred(std::move(target));
    source.reset();
    CHECK(order.empty());
    CHECK(value == -1);
  }
  CHECK(log.lines().empty());
}

TEST_CASE("the pause of a member ends when nobody is left who could unpause", "[deferred_list]") {
  captured_log log;
  std::string order;
  std::string end;
  std::optional<parts> p(std::in_place, 2);
  for (std::size_t i = 0; i != 2; ++i) {
    p->deferreds[i].pause();
    p->deferreds[i].add_callback([&, i](int n) {
      order += std::to_string(i);
      return n;
    });
  }
  const auto go_without = [&](bool fired) {
    if (fired) {
      p->sources[0].callback(1);
      p->sources[1].errback(no);
    }
    p->sources.clear();
  };
  SECTION("of a list, when the sources go") {
    auto list = wring::deferred_list(std::move(p->deferreds), {.consume_errors = true});
    note(list, end);
    p->sources[0].callback(1);
    p->sources[1].callback(2);
    CHECK(order.empty());
    p->sources.pop_back();
    CHECK(order == "1");
    CHECK(end.empty());
    p->sources.pop_back();
    CHECK(order == "10");
    CHECK(end == "list 1 2");
  }
  SECTION("of a list, when they have gone") {
    go_without(true);
    auto list = wring::deferred_list(std::move(p->deferreds), {.consume_errors = true});
    note(list, end);
    CHECK(order == "0");
    CHECK(end == "list 1 no");
  }
  SECTION("of a list, whose failure is reported") {
    auto list = wring::deferred_list(std::move(p->deferreds));
    note(list, end);
    go_without(true);
    CHECK(end == "list 1 no");
    REQUIRE(log.lines().size() == 1);
    CHECK_THAT(log.lines()[0], ContainsSubstring("error=no"));
    return;
  }
  SECTION("of a list that leaves them where they are") {
    auto list = wring::deferred_list(p->deferreds, {.consume_errors = true});
    note(list, end);
    go_without(true);
    CHECK(order.empty());  // the handles are left
    p->deferreds.clear();
    CHECK(order == "0");
    CHECK(end == "list 1 no");
  }
  SECTION("of gather_results, not fired") {
    auto all = wring::gather_results(std::move(p->deferreds), true);
    all.add_errback([&](const failure& f) {
      const auto* const first = f.get_if<wring::first_error>();
      end = first != nullptr && first->sub_failure().check<wring::broken_deferred>() ? "broken" : "?";
      return std::vector<int>();
    });
    go_without(false);
    CHECK(end == "broken");
  }
  SECTION("of a race") {
    auto first = wring::race(std::move(p->deferreds));
    first.add_callback([&](const wring::race_result<int>& won) {
      end = std::to_string(won.index) + std::to_string(won.value);
      return won;
    });
    go_without(true);
    CHECK(order == "0");
    CHECK(end == "01");
  }
  SECTION("of a list that nobody holds") {
    static_cast<void>(wring::deferred_list(std::move(p->deferreds), {.consume_errors = true}).add_callback([&](auto) {
      end = "fired";
    }));
    go_without(true);
    CHECK(end == "fired");
  }
  CHECK(log.lines().empty());
}

TEST_CASE("callbacks that a pause holds up to where a list is made run before the first member counts",
          "[deferred_list]") {
  std::string order;
  std::vector<deferred<int>> ds;
  for (int i = 0; i != 3; ++i) {
    ds.push_back(wring::succeed(i));
    ds.back().pause();
    ds.back().add_callback([&](int n) {
      order += std::to_string(n);
      return n;
    });
  }
  auto won = wring::race(std::move(ds));
  won.add_callback([&](const wring::race_result<int>& r) {
    order += " won " + std::to_string(r.index);
    return r;
  });
  CHECK(order == "012 won 0");
}

TEST_CASE("a task that awaits a list of which a member was paused can be cancelled", "[deferred_list]") {
  wring::testing::run([]() -> task<> {
    bool gone = false;
    co_await wring::with_nursery([&](wring::nursery& n) -> task<> {
      auto child = n.start([&]() -> task<> {
        struct mark {
          bool& gone;
          ~mark() { gone = true; }
        };
        const mark at_end{gone};
        std::vector<deferred<int>> ds;
        deferred_source<int> waits;
        ds.push_back(waits.get());
        ds.push_back(wring::succeed(1));
        ds.back().pause();
        auto all = wring::deferred_list(std::move(ds), {.consume_errors = true});
        co_await std::move(all);
      });
      co_await wring::yield();
      child.cancel();
    });
    CHECK(gone);
  });
}

TEST_CASE("what a loop, a step or a lock waits for is paused no longer than somebody could unpause it", "[deferred]") {
  wring::testing::run([]() -> task<> {
    const auto paused = [](auto... value) {
      auto d = wring::succeed(value...);
      d.pause();
      return d;
    };
    int calls = 0;
    wring::looping_call loop([&] {
      if (++calls == 2) throw std::runtime_error("enough");
      return paused();
    });
    std::string end;
    loop.start(0s).add_errback([&](const failure& f) { end = f.message(); });
    bool stepped = false;
    auto steps = wring::coiterate([&] { return paused(!std::exchange(stepped, true)); });
    wring::deferred_lock lock;
    auto ran = lock.run([&] { return paused(); });
    CHECK(ran.called());
    CHECK_FALSE(lock.locked());
    for (int turns = 0; turns != 1000 && !(steps.called() && end == "enough"); ++turns) co_await wring::yield();
    CHECK(steps.called());
    CHECK(end == "enough");
  });
}
