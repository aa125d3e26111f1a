// SPDX-License-Identifier: MIT
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <wring/core/deferred.hpp>

#include "captured_log.hpp"

using wring::deferred;
using wring::deferred_source;
using wring::failure;

TEST_CASE("callbacks are called in order, each with the result of the one before", "[deferred]") {
  deferred_source<int> source;
  std::vector<int> seen;
  auto d = source.get();
  d.add_callback([&](int n) {
     seen.push_back(n);
     return n + 1;
   }).add_callback([&](int n) {
    seen.push_back(n);
    return n + 1;
  });
  CHECK(seen.empty());
  source.callback(1);
  CHECK(seen == std::vector<int>{1, 2});
  d.add_callback([&](int n) {
    seen.push_back(n);
    return n;
  });
  CHECK(seen == std::vector<int>{1, 2, 3});
}

TEST_CASE("a chain changes its type along the way", "[deferred]") {
  deferred_source<int> source;
  std::string end;
  std::ignore = source.get()
                    .add_callback([](int n) { return std::to_string(n); })
                    .add_callback([](std::string s) -> std::string { throw std::runtime_error(s); })
                    .add_errback([](failure f) { return f.message() + "!"; })
                    .add_callback([&](std::string s) { end = s; });
  source.callback(7);
  CHECK(end == "7!");
}

TEST_CASE("a chain waits for the deferred that a callback returns", "[deferred]") {
  deferred_source<int> outer;
  deferred_source<int> inner;
  int end = 0;
  auto d = outer.get();
  d.add_callback([&](int) { return inner.get(); }).add_callback([&](int n) { return end = n; });
  outer.callback(1);
  CHECK(end == 0);
  inner.callback(5);
  CHECK(end == 5);
}
