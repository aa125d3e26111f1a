// SPDX-License-Identifier: MIT
// Deferreds that refer to each other in circles: what is left is for a leak checker to find, and for the tokens here.
#include <chrono>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/callback/cooperator.hpp>
#include <wring/core/callback/deferred_list.hpp>
#include <wring/core/callback/deferred_lock.hpp>
#include <wring/core/callback/looping_call.hpp>
#include <wring/core/callback/race.hpp>
#include <wring/core/testing/run.hpp>
#include <wring/core/this_task.hpp>
#include <wring/core/timeout.hpp>

#include "chain_end.hpp"

using namespace std::chrono_literals;
using wring::deferred;
using wring::deferred_source;
using wring::failure;
using wring::task;
using wring::tests::end_of;
using wring::tests::note_end;

namespace {

/// What a callback owns: gone when nobody keeps the callback.
struct token {
  std::shared_ptr<int> owner = std::make_shared<int>(0);
  std::weak_ptr<int> seen = owner;

  /// A callback that owns it.
  auto callback() {
    return [kept = std::move(owner)](auto value) { return value; };
  }
  [[nodiscard]] bool gone() const noexcept { return seen.expired(); }
};

template <class T>
std::vector<deferred<T>> just(deferred<T> one) {
  std::vector<deferred<T>> all;
  all.push_back(std::move(one));
  return all;
}

const auto none = [] { return std::vector<deferred<int>>(); };

}  // namespace

TEST_CASE("in a list a deferred that can never fire has failed, and keeps nothing", "[deferred_list]") {
  token kept;
  auto never = wring::race(none());
  never.add_callback(kept.callback());
  bool broken = false;
  wring::deferred_list(just(std::move(never)), {.consume_errors = true}).add_callback([&](const auto& all) {
    broken = all[0].error->template check<wring::broken_deferred>();
    return all;
  });
  CHECK(broken);
  CHECK(kept.gone());

  auto first = wring::deferred_list_first(just(wring::deferred_list_first(none())), {.consume_errors = true});
  CHECK(first.called());
}

TEST_CASE("in a list that leaves it where it is, too, a deferred that can never fire has failed", "[deferred_list]") {
  token kept;
  {
    auto never = wring::race(none()).add_callback([](const auto& won) { return won.value; });
    never.add_callback(kept.callback());
    auto named = just(std::move(never));
    const auto list = wring::deferred_list(named, {.consume_errors = true});
    CHECK(list.called());
    CHECK(end_of(named[0]) == "0");
  }
  CHECK(kept.gone());
}

TEST_CASE("a deferred that can never fire goes with its handle", "[deferred_list]") {
  token kept;
  wring::race(none()).add_callback(kept.callback());
  CHECK(kept.gone());
}

TEST_CASE("who waits for a deferred that can never fire is told so, and keeps nothing", "[deferred]") {
  token kept;
  wring::testing::run([&]() -> task<> {
    const auto never = [] { return wring::race(none()).add_callback([](const auto&) { return true; }); };
    const auto broken = [](auto d) {
      bool was = false;
      d.add_errback([&](const failure& f) { was = f.check<wring::broken_deferred>(); });
      return was;
    };
    wring::deferred_lock lock;
    CHECK(broken(lock.run([&] { return never().add_callback(kept.callback()); }).add_callback([](bool) {})));
    CHECK_FALSE(lock.locked());

    token in_loop;
    wring::looping_call loop([&, keep = in_loop.callback()] { return never(); });
    CHECK(broken(loop.start(1s)));

    token in_step;
    auto steps = wring::coiterate([&, keep = in_step.callback()] { return never(); });
    for (int turns = 0; turns != 10000 && !steps.called(); ++turns) co_await wring::yield();
    CHECK(broken(std::move(steps)));
    CHECK(in_step.gone());
  });
  CHECK(kept.gone());
}

TEST_CASE("a deferred is not chained to itself", "[deferred]") {
  token kept;
  {
    deferred_source<int> source;
    auto d = source.get();
    d.add_callback(kept.callback());
    CHECK_THROWS_AS(std::move(d).chain_deferred(std::move(source)), std::logic_error);
    CHECK(end_of(d) == "broken");  // its source has gone
  }
  CHECK(kept.gone());
}

TEST_CASE("members of a list may own the list", "[deferred_list]") {
  token kept;
  {
    deferred_source<int> source;
    auto member = source.get();
    member.add_callback(kept.callback());
    std::vector<deferred<int>> named = just(std::move(member));
    auto list = std::make_shared<deferred<std::vector<wring::deferred_result<int>>>>(
        wring::deferred_list(named, {.consume_errors = true}));
    named[0].add_callback([list](int n) { return n; });
  }
  CHECK(kept.gone());
}

TEST_CASE("a callback may own its deferred, and a canceller what owns the source, until that fires", "[deferred]") {
  token in_callback;
  token in_canceller;
  {
    deferred_source<int> source;
    auto d = std::make_shared<deferred<int>>(source.get());
    d->add_callback(in_callback.callback()).add_callback([d](int n) { return n; }).add_errback([](const failure&) {
      return 0;
    });
    d.reset();
    CHECK_FALSE(in_callback.gone());
  }
  CHECK(in_callback.gone());

  struct client {
    deferred_source<int> answer{nullptr};
  };
  auto c = std::make_shared<client>();
  c->answer = deferred_source<int>([c, kept = in_canceller.callback()] { c->answer.callback(1); });
  auto answer = c->answer.get();
  c.reset();
  CHECK_FALSE(in_canceller.gone());
  answer.cancel();
  CHECK(in_canceller.gone());
  CHECK(end_of(answer) == "1");
}

TEST_CASE("a task that awaits what only it can fire ends when it is cancelled", "[deferred]") {
  token kept;
  wring::testing::run([&]() -> task<> {
    const auto waits = [&]() -> task<> {
      deferred_source<int> source;
      auto d = source.get();
      d.add_callback(kept.callback());
      static_cast<void>(co_await std::move(d));
    };
    const bool ended = co_await wring::move_on_after(1ms, std::ref(waits));
    CHECK_FALSE(ended);
  });
  CHECK(kept.gone());
}
