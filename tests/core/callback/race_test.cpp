// SPDX-License-Identifier: MIT
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <wring/core/callback/deferred.hpp>
#include <wring/core/callback/race.hpp>

#include "support/captured_log.hpp"

using Catch::Matchers::ContainsSubstring;
using wring::deferred;
using wring::deferred_source;
using wring::failure;
using wring::tests::captured_log;

namespace {

const std::runtime_error no("no");

}  // namespace

TEST_CASE("a race is won by the first value, and the others are cancelled", "[race]") {
  captured_log log;
  std::string end;
  std::vector<deferred_source<int>> sources;
  sources.emplace_back([] { throw std::runtime_error("cannot"); });
  sources.emplace_back();
  sources.emplace_back([](deferred_source<int>& s) { s.callback(9); });
  std::vector<deferred<int>> ds;
  for (auto& s : sources) ds.push_back(s.get());
  auto d = wring::race(std::move(ds));
  d.add_callbacks(
      [&](wring::race_result<int> r) {
        end = std::to_string(r.value) + " of " + std::to_string(r.index);
        return r;
      },
      [&](const failure& f) {
        end = f.message();
        return wring::race_result<int>{};
      });
  SECTION("a value") {
    sources[1].callback(4);
    CHECK(end == "4 of 1");
    CHECK(sources[2].called());
    REQUIRE(log.lines().size() == 1);
    CHECK_THAT(log.lines()[0], ContainsSubstring("error=cannot"));
  }
  SECTION("failures") {
    sources[1].errback(no);
    sources[0].errback(std::runtime_error("never"));
    CHECK(end.empty());
    sources[2].errback(no);
    CHECK(end == "all of 3 deferreds failed: never, no, no");
    CHECK(log.lines().empty());
  }
  SECTION("cancelled") {
    d.cancel();
    CHECK(end == "9 of 2");
    CHECK(sources[1].called());
    CHECK_FALSE(sources[0].called());
  }
}

TEST_CASE("a race of nothing never ends by itself", "[race]") {
  bool cancelled = false;
  auto d = wring::race(std::vector<deferred<int>>());
  d.add_errback([&](const failure& f) {
    cancelled = f.check<wring::cancelled_error>();
    return wring::race_result<int>{};
  });
  CHECK_FALSE(d.called());
  d.cancel();
  CHECK(cancelled);
  bool broken = false;
  auto waits = wring::succeed().add_callback([] { return wring::race(std::vector<deferred<int>>()); });
  waits.add_errback([&](const failure& f) {
    broken = f.check<wring::broken_deferred>();
    return wring::race_result<int>{};
  });
  CHECK(broken);
}

TEST_CASE("a race of nothing that is chained fails, and so does what it is chained to", "[race]") {
  captured_log log;
  std::string order;
  auto d = wring::race(std::vector<deferred<int>>());
  d.add_errback([&](const failure& f) {
    order += f.check<wring::broken_deferred>() ? 'b' : '?';
    return f;
  });
  deferred_source<wring::race_result<int>> target;
  auto end = target.get();
  end.add_errback([&](const failure& f) {
    order += f.check<wring::broken_deferred>() ? 'b' : '?';
    return wring::race_result<int>{};
  });
  std::move(d).chain_deferred(std::move(target));
  CHECK(order == "bb");
  CHECK(log.lines().empty());
}
