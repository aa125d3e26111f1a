// SPDX-License-Identifier: MIT
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/callback/deferred.hpp>

#include "chain_end.hpp"
#include "support/allocation_count.hpp"
#include "support/child_process.hpp"

using wring::deferred;
using wring::deferred_source;
using wring::failure;
using wring::tests::end_of;

namespace {

int throws(int n) { throw std::runtime_error(std::to_string(n)); }

}  // namespace

TEST_CASE("callbacks are called in order, each with the result of the one before", "[deferred]") {
  deferred_source<int> source;
  std::vector<int> seen;
  const auto note = [&](int n) {
    seen.push_back(n);
    return n + 1;
  };
  auto d = source.get();
  d.add_callback(note).add_callback(note);
  CHECK(seen.empty());
  CHECK_FALSE(d.called());
  source.callback(1);
  CHECK(seen == std::vector<int>{1, 2});
  CHECK(d.called());
  d.add_callback(note);
  CHECK(seen == std::vector<int>{1, 2, 3});
}

TEST_CASE("a chain changes its type along the way", "[deferred]") {
  deferred_source<int> source;
  std::string end;
  auto d = source.get()
               .add_callback([](int n) { return std::to_string(n); })
               .add_callback([](const std::string& s) -> std::string { throw std::runtime_error(s); })
               .add_errback([](const failure& f) { return f.message() + "!"; })
               .add_callback([&](std::string s) { end = std::move(s); })
               .add_callback([] { return 3.5; })
               .add_callbacks([](double) { return 1; }, [](const failure&) { return 2L; });
  static_assert(std::is_same_v<decltype(d), deferred<long>>);
  source.callback(7);
  CHECK(end == "7!");
}

TEST_CASE("a failure goes to the next errback, and comes back as a value", "[deferred]") {
  auto d = wring::succeed(1);
  d.add_callback(throws);
  d.add_callback([](int) {
    FAIL_CHECK("not on the way of a failure");
    return 0;
  });
  d.add_errback([](const failure& f) {
    CHECK(f.check<std::runtime_error>());
    return 5;
  });
  d.add_errback([](const failure&) {
    FAIL_CHECK("there is none any more");
    return 0;
  });
  CHECK(end_of(d) == "5");
}

TEST_CASE("the errback of a pair does not see what its callback throws", "[deferred]") {
  auto d = wring::succeed(1);
  d.add_callbacks(throws, [](const failure&) {
    FAIL_CHECK("of the same pair");
    return 0;
  });
  CHECK(end_of(d) == "1");
}

TEST_CASE("a failure that is returned is one, and one that is thrown on keeps its exception", "[deferred]") {
  auto d = wring::succeed(1);
  d.add_callback([](int) { return failure(std::out_of_range("far")); });
  d.add_errback([](failure f) { return f; });
  d.add_errback([](failure f) -> int {
    f.trap<std::invalid_argument>();
    return 0;
  });
  d.add_errback([](failure f) -> int { f.raise(); });
  CHECK(end_of(d) == "far");
}

TEST_CASE("add_both is called in either case", "[deferred]") {
  struct both {
    int operator()(int n) const { return n + 1; }
    int operator()(const failure& f) const { return static_cast<int>(f.message().size()); }
  };
  auto d = wring::succeed(1);
  d.add_both(both()).add_callback(throws).add_both(both()).add_both(both());
  CHECK(end_of(d) == "2");
  std::string text;
  const auto end = wring::fail<int>(std::runtime_error("x")).add_both([&](auto r) {
    if constexpr (std::is_same_v<decltype(r), failure>) text = r.message();
  });
  CHECK(text == "x");
}

TEST_CASE("values that only move go along the chain", "[deferred]") {
  deferred_source<std::unique_ptr<int>> source;
  int end = 0;
  auto d = source.get()
               .add_callback([](std::unique_ptr<int> p) {
                 ++*p;
                 return p;
               })
               .add_errback([](const failure&) { return std::unique_ptr<int>(); })
               .add_callback([&](std::unique_ptr<int> p) { end = *p; });
  source.callback(std::make_unique<int>(4));
  CHECK(end == 5);
}

TEST_CASE("values of any size go along the chain", "[deferred]") {
  struct big {
    std::vector<int> v = {1, 2, 3};
    long room[20] = {};
  };
  std::size_t size = 0;
  deferred_source<big> source;
  deferred_source<big> inner;
  auto d = source.get()
               .add_callback([&](big b) {
                 b.v.push_back(4);
                 return b;
               })
               .add_callback([&](const big&) { return inner.get(); })
               .add_callback([&](const big& b) { size = b.v.size(); });
  source.callback(big());
  inner.callback(big());
  CHECK(size == 3);
}

TEST_CASE("callbacks that are added by a callback run after those that were there", "[deferred]") {
  std::string order;
  auto d = wring::succeed();
  d.pause();
  d.add_callback([&] {
    order += 'a';
    d.add_callback([&] { order += 'c'; });
    order += 'A';
  });
  d.add_callback([&] { order += 'b'; });
  d.unpause();
  CHECK(order == "aAbc");
}

TEST_CASE("ends that were moved from throw", "[deferred]") {
  deferred_source<int> source;
  auto d = source.get();
  CHECK_THROWS_AS(source.get(), std::logic_error);
  auto e = std::move(d);
  CHECK_FALSE(d.valid());  // NOLINT: that is what is tested
  CHECK_THROWS_AS(d.add_callback([](int n) { return n; }), std::logic_error);
  CHECK_THROWS_AS(d.cancel(), std::logic_error);
  auto target = std::move(source);
  CHECK_THROWS_AS(source.callback(1), std::logic_error);  // NOLINT
  target.callback(1);
  CHECK(end_of(e) == "1");
}

TEST_CASE("pauses are counted", "[deferred]") {
  deferred_source<int> source;
  auto d = source.get();
  d.pause();
  source.pause();
  source.callback(1);
  int seen = 0;
  d.add_callback([&](int n) { return seen = n; });
  d.unpause();
  CHECK(seen == 0);
  CHECK(d.paused());
  source.unpause();
  CHECK(seen == 1);
  CHECK_THROWS_AS(d.unpause(), std::logic_error);
  d.add_callback([&](int n) {
    d.pause();
    return n;
  });
  d.add_callback([&](int) { return seen = 2; });
  CHECK(seen == 1);  // added while it was paused
  d.unpause();
  CHECK(seen == 2);
}

TEST_CASE("a callback that pauses its own chain does not stop the run it is part of", "[deferred]") {
  deferred_source<int> source;
  auto d = source.get();
  int seen = 0;
  d.add_callback([&](int n) {
    d.pause();
    return n;
  });
  d.add_callback([&](int n) { return seen = n; });
  source.callback(1);
  CHECK(seen == 1);
  d.add_callback([&](int) { return seen = 2; });
  CHECK(seen == 1);
  d.unpause();
  CHECK(seen == 2);
}

TEST_CASE("firing with callbacks allocates no more than the deferred itself", "[deferred]") {
  if (!wring::tests::counts_allocations) SKIP("allocations are not counted under a sanitizer");
  int sum = 0;
  const auto round = [&] {
    deferred_source<int> source;
    auto d = source.get();
    int* const where = &sum;
    d.add_callback([where, this_one = 1](int n) { return *where += n + this_one; })
        .add_callback([where](int n) { return *where += n; })
        .add_callback([where](int n) { return *where += n; });
    source.callback(1);
  };
  round();
  wring::detail::frame_recycler::trim();
  const auto before = wring::tests::allocations();
  const auto blocks = wring::detail::frame_recycler::stats();
  round();
  CHECK(wring::tests::allocations() - before == 1);
  const auto after = wring::detail::frame_recycler::stats();
  CHECK(after.hits + after.misses - blocks.hits - blocks.misses == 1);
  const auto warm = wring::tests::allocations();
  round();
  CHECK(wring::tests::allocations() == warm);
}

TEST_CASE("a deferred that another thread uses ends the process in a checked build", "[deferred]") {
#if WRING_CHECKS
  const auto end = wring::testing::run_in_child([] {
    deferred_source<int> source;
    auto d = source.get();
    std::jthread([&] { d.cancel(); }).join();
  });
  CHECK_FALSE(end.clean);
#else
  SKIP("not a checked build");
#endif
}
