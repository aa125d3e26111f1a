// SPDX-License-Identifier: MIT
#include <chrono>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <wring/core/callback/cooperator.hpp>
#include <wring/core/callback/deferred_list.hpp>
#include <wring/core/callback/first_error.hpp>
#include <wring/core/callback/from_callback.hpp>
#include <wring/core/callback/gather_results.hpp>
#include <wring/core/callback/looping_call.hpp>
#include <wring/core/callback/maybe_deferred.hpp>
#include <wring/core/callback/race.hpp>
#include <wring/core/callback/start_deferred.hpp>
#include <wring/core/testing/clock.hpp>
#include <wring/core/testing/run.hpp>
#include <wring/core/this_task.hpp>

#include "support/captured_log.hpp"

using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::StartsWith;
using wring::deferred;
using wring::deferred_source;
using wring::failure;
using wring::task;
using wring::tests::captured_log;

using lines = std::vector<std::string>;

namespace {

struct capturing {
  capturing() { failure::capture_stacks(true); }
  capturing(const capturing&) = delete;
  capturing& operator=(const capturing&) = delete;
  ~capturing() { failure::capture_stacks(false); }
};

[[gnu::noinline]] failure made_here() { return failure(std::runtime_error("lost")); }

[[gnu::noinline]] void fired_here(deferred_source<int>& source) { source.errback(std::runtime_error("lost")); }

[[gnu::noinline]] failure made_deep(int depth) {
  failure f = depth == 0 ? made_here() : made_deep(depth - 1);
  asm volatile("");  // keeps it from being a tail call
  return f;
}

/// What comes out of the end of a chain.
struct ending {
  std::unique_ptr<failure> came;

  template <class T>
  void of(deferred<T>& d) {
    d.add_errback([this](const failure& f) -> T {
      came = std::make_unique<failure>(f);
      return T();
    });
  }
  [[nodiscard]] lines stack() const { return came != nullptr ? came->stack() : lines{"nothing came"}; }
};

/// What `pass(d)` makes of a deferred that fails with `f`.
template <class Pass>
lines stack_after(const failure& f, Pass pass) {
  deferred_source<int> source;
  auto d = pass(source.get());
  ending end;
  end.of(d);
  source.errback(f);
  return end.stack();
}

deferred<int> as_it_is(deferred<int> d) { return d; }

}  // namespace

TEST_CASE("failures have no stack unless it is asked for", "[failure]") {
  CHECK_FALSE(failure::captures_stacks());
  CHECK(made_here().stack().empty());
  CHECK(made_here().traceback() == "std::runtime_error: lost\n");
  std::unique_ptr<failure> kept;
  {
    const capturing on;
    CHECK(failure::captures_stacks());
    kept = std::make_unique<failure>(made_here());
  }
  CHECK_FALSE(kept->stack().empty());
}

TEST_CASE("a failure has the stack of where it was made, and shares it with its copies", "[failure]") {
  const capturing on;
  const failure f = made_here();
  const failure copy = f;
  CHECK(copy.stack() == f.stack());
  CHECK(made_deep(1).stack() != f.stack());
  CHECK(made_deep(1000).stack().size() <= 64);
#if STACKS_HAVE_LINES
  const auto made = made_deep(2).stack();
  REQUIRE(made.size() > 4);
  std::size_t here = 0;
  while (here != made.size() && !made[here].starts_with("made_here (failure_stack_test.cpp:")) ++here;
  REQUIRE(here + 3 < made.size());
  for (int i = 1; i != 4; ++i) CHECK_THAT(made[here + i], StartsWith("made_deep (failure_stack_test.cpp:"));
#endif
}

TEST_CASE("the exception being handled has the stack of the catch clause", "[failure]") {
  const capturing on;
  try {
    throw std::runtime_error("lost");
  } catch (...) {
    CHECK_FALSE(failure::current().stack().empty());
    CHECK_FALSE(failure(std::current_exception()).stack().empty());
  }
}

TEST_CASE("a traceback is the type, the message, the stack, and what is nested", "[failure]") {
  const capturing on;
  const failure f = made_here();
  std::string text = "std::runtime_error: lost\n";
  for (const std::string& line : f.stack()) text += "  at " + line + '\n';
  CHECK(f.traceback() == text);

  try {
    try {
      throw std::out_of_range("too far");
    } catch (...) {
      std::throw_with_nested(std::runtime_error("cannot read"));
    }
  } catch (...) {
    const std::string nested = failure::current().traceback();
    CHECK_THAT(nested, ContainsSubstring(": cannot read\n  at "));
    CHECK_THAT(nested, Catch::Matchers::EndsWith("caused by std::out_of_range: too far\n"));
  }
}

TEST_CASE("a failure keeps its stack through callbacks", "[failure][deferred]") {
  const capturing on;
  const failure f = made_here();
  const auto through = [&](auto pass) { return stack_after(f, pass); };
  CHECK(through(as_it_is) == f.stack());
  CHECK(through([](deferred<int> d) {
          return std::move(d).add_callback([](int n) { return n; }).add_callback([](int n) { return double(n); });
        }) == f.stack());
  CHECK(through([](deferred<int> d) { return std::move(d).add_errback([](failure passed) { return passed; }); }) ==
        f.stack());
  CHECK(through([](deferred<int> d) {
          return std::move(d).add_errback([](const failure& passed) {
            passed.trap<std::logic_error>();
            return 0;
          });
        }) == f.stack());
  CHECK(through([](deferred<int> d) {
          return std::move(d).add_both([](auto passed) -> int {
            if constexpr (std::is_same_v<decltype(passed), failure>) passed.raise();
            return 0;
          });
        }) == f.stack());
}

TEST_CASE("a failure that takes another one's place has a stack of its own", "[failure][deferred]") {
  const capturing on;
  const failure f = made_here();
  const auto stack = stack_after(f, [](deferred<int> d) {
    return std::move(d).add_errback([](failure) -> int { throw std::logic_error("worse"); });
  });
  CHECK_FALSE(stack.empty());
  CHECK(stack != f.stack());
}

TEST_CASE("an exception with a stack goes when it was handled", "[failure][deferred]") {
  const capturing on;
  struct lost : std::runtime_error {
    using std::runtime_error::runtime_error;
    std::shared_ptr<int> held = std::make_shared<int>(0);
  };
  lost error("lost");
  const std::weak_ptr<int> held = error.held;
  deferred_source<int> source;
  auto d = source.get();
  d.add_errback([](const failure&) { return 0; });
  source.errback(std::move(error));
  error.held.reset();
  CHECK(held.expired());
}

TEST_CASE("a failure keeps its stack from one chain to another", "[failure][deferred]") {
  const capturing on;
  const failure f = made_here();
  const auto through = [&](auto pass) { return stack_after(f, pass); };
  CHECK(through([](deferred<int> d) {
          auto inner = std::make_shared<deferred<int>>(std::move(d));
          return wring::succeed().add_callback([inner] { return std::move(*inner); });
        }) == f.stack());
  CHECK(through([](deferred<int> d) {
          deferred_source<int> target;
          auto out = target.get();
          std::move(d).chain_deferred(std::move(target));
          return out;
        }) == f.stack());
  CHECK(through([](deferred<int> d) { return wring::maybe_deferred([&] { return std::move(d); }); }) == f.stack());
  auto made = wring::maybe_deferred([&] { return f; });
  ending of_made;
  of_made.of(made);
  CHECK(of_made.stack() == f.stack());
  auto returned = wring::succeed(1).add_callback([&](int) { return f; });
  ending end;
  end.of(returned);
  CHECK(end.stack() == f.stack());
}

TEST_CASE("a failure keeps its stack in lists", "[failure][deferred_list]") {
  const capturing on;
  const failure f = made_here();
  const auto ended = [&] {
    std::vector<deferred<int>> parts;
    parts.push_back(wring::fail<int>(f));
    return parts;
  };
  wring::deferred_list(ended(), {.consume_errors = true}).add_callback([&](const auto& all) {
    CHECK(all[0].error->stack() == f.stack());
  });
  wring::gather_results(ended(), true).add_errback([&](const failure& first) {
    CHECK(first.stack() == f.stack());
    REQUIRE(first.check<wring::first_error>());
    CHECK(first.get_if<wring::first_error>()->sub_failure().stack() == f.stack());
    return std::vector<int>();
  });
  wring::race(ended()).add_errback([&](const failure& group) {
    CHECK_FALSE(group.stack().empty());
    REQUIRE(group.check<wring::failure_group>());
    CHECK(group.get_if<wring::failure_group>()->failures()[0].stack() == f.stack());
    return wring::race_result<int>{};
  });
}

TEST_CASE("cancelling, time and broken sources give failures with a stack", "[failure][deferred]") {
  const capturing on;
  wring::testing::run([]() -> task<> {
    wring::testing::clock clock;
    ending cancelled;
    ending late;
    ending broken;
    ending kept;
    deferred_source<int> sources[4];
    auto first = sources[0].get();
    cancelled.of(first);
    first.cancel();
    CHECK(cancelled.came->check<wring::cancelled_error>());
    CHECK_FALSE(cancelled.stack().empty());

    auto second = sources[1].get().add_timeout(1s);
    late.of(second);
    co_await clock.advance(1s);
    CHECK(late.came->check<wring::timeout_error>());
    CHECK_FALSE(late.stack().empty());

    auto third = sources[2].get();
    broken.of(third);
    sources[2] = deferred_source<int>();
    CHECK(broken.came->check<wring::broken_deferred>());
    CHECK_FALSE(broken.stack().empty());

    const failure f = made_here();
    auto fourth =
        sources[3].get().add_timeout(1s, [](failure passed, std::chrono::nanoseconds) -> int { passed.raise(); });
    kept.of(fourth);
    sources[3].errback(f);
    CHECK(kept.stack() == f.stack());
  });
}

TEST_CASE("a failure keeps its stack through loops, steps and completion callbacks", "[failure]") {
  const capturing on;
  wring::testing::run([]() -> task<> {
    const failure f = made_here();
    ending looped;
    wring::looping_call loop([&] { return wring::fail<>(f); });
    auto ended = loop.start(1s);
    looped.of(ended);
    CHECK(looped.stack() == f.stack());

    ending stepped;
    auto done = wring::coiterate([&] { return wring::fail<bool>(f); });
    stepped.of(done);
    while (stepped.came == nullptr) co_await wring::yield();
    CHECK(stepped.stack() == f.stack());

    ending called;
    auto completed = wring::from_callback<int>([&](wring::completion_callback<int> callback) { callback.fail(f); });
    called.of(completed);
    CHECK(called.stack() == f.stack());
  });
}

TEST_CASE("a failure keeps its stack through tasks that await it", "[failure][start_deferred]") {
  const capturing on;
  wring::testing::run([]() -> task<> {
    const failure f = made_here();
    deferred_source<int> source;
    const auto awaits = [&]() -> task<int> { co_return co_await source.get(); };
    const auto passes_on = [&]() -> task<int> { co_return co_await awaits(); };
    ending ended;
    auto made = wring::start_deferred(std::ref(passes_on));
    ended.of(made);
    source.errback(f);
    while (ended.came == nullptr) co_await wring::yield();
    CHECK(ended.stack() == f.stack());

    try {
      f.raise();
    } catch (...) {
      CHECK(failure::current().stack() == f.stack());
      CHECK(failure(std::current_exception()).stack() == f.stack());
    }
    try {
      throw std::runtime_error("lost");
    } catch (...) {
      CHECK(failure::current().stack() != f.stack());
    }
  });
}

TEST_CASE("the report of an unhandled failure has its stack", "[failure][deferred]") {
  captured_log log;
  {
    deferred_source<int> source;
    fired_here(source);
  }
  {
    const capturing on;
    deferred_source<int> source;
    fired_here(source);
  }
  REQUIRE(log.lines().size() == 2);
  CHECK_THAT(log.lines()[0], !ContainsSubstring(" stack="));
  CHECK_THAT(log.lines()[1], ContainsSubstring(" stack="));
  CHECK_THAT(log.lines()[1], ContainsSubstring(" < "));
#if STACKS_HAVE_LINES
  CHECK_THAT(log.lines()[1], ContainsSubstring("fired_here (failure_stack_test.cpp:"));
#endif
}
