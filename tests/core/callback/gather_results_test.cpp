// SPDX-License-Identifier: MIT
#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <wring/core/callback/deferred.hpp>
#include <wring/core/callback/gather_results.hpp>

#include "support/captured_log.hpp"

using Catch::Matchers::ContainsSubstring;
using wring::deferred;
using wring::deferred_source;
using wring::failure;
using wring::tests::captured_log;

namespace {

struct parts {
  std::vector<deferred_source<int>> sources;
  std::vector<deferred<int>> deferreds;

  explicit parts(std::size_t n) : sources(n) {
    for (auto& s : sources) deferreds.push_back(s.get());
  }
};

const std::runtime_error no("no");

}  // namespace

TEST_CASE("gather_results gives the values, or the first failure, and cancels nothing by itself", "[gather_results]") {
  captured_log log;
  std::string end;
  parts p(2);
  auto all = wring::gather_results(std::move(p.deferreds), true);
  all.add_callbacks(
      [&](const std::vector<int>& v) {
        end = std::to_string(v.at(0)) + std::to_string(v.at(1));
        return v;
      },
      [&](const failure& f) {
        end = f.message();
        return std::vector<int>();
      });
  SECTION("values") {
    p.sources[1].callback(2);
    p.sources[0].callback(1);
    CHECK(end == "12");
  }
  SECTION("a failure") {
    p.sources[1].errback(no);
    CHECK(end == "the deferred at index 1 failed: no");
    CHECK_FALSE(p.sources[0].called());
    p.sources[0].callback(1);
  }
  SECTION("cancelled") {
    all.cancel();
    CHECK_THAT(end, ContainsSubstring("the deferred at index 0 failed: the deferred was cancelled"));
    CHECK(p.sources[1].called());
  }
  CHECK(log.lines().empty());
}

TEST_CASE("gather_results works for void, for nothing, and for what only moves", "[gather_results]") {
  bool fired = false;
  std::vector<deferred<>> voids;
  voids.push_back(wring::succeed());
  auto d = wring::gather_results(std::move(voids)).add_callback([&] { fired = true; });
  CHECK(fired);
  std::size_t count = 9;
  auto e = wring::gather_results(std::vector<deferred<int>>()).add_callback([&](const std::vector<int>& v) {
    count = v.size();
  });
  CHECK(count == 0);
  int sum = 0;
  std::vector<deferred<std::unique_ptr<int>>> moves;
  moves.push_back(wring::succeed(std::make_unique<int>(1)));
  moves.push_back(wring::succeed(std::make_unique<int>(2)));
  auto f = wring::gather_results(std::move(moves)).add_callback([&](std::vector<std::unique_ptr<int>> v) {
    sum = *v.at(0) + *v.at(1);
  });
  CHECK(sum == 3);
}
