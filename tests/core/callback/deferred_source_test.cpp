// SPDX-License-Identifier: MIT
#include <exception>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <wring/core/callback/deferred_source.hpp>

#include "chain_end.hpp"

using Catch::Matchers::ContainsSubstring;
using wring::deferred_source;
using wring::failure;
using wring::tests::end_of;

TEST_CASE("firing twice throws, and says where it was fired first", "[deferred]") {
  deferred_source<int> source;
  auto d = source.get();
  source.callback(1);
  const int line = __LINE__ - 1;
  CHECK(source.called());
  CHECK_THROWS_AS(source.callback(2), wring::already_called);
  try {
    source.errback(std::runtime_error("late"));
    FAIL("fired twice");
  } catch (const wring::already_called& e) {
    CHECK_THAT(e.what(), ContainsSubstring("deferred_source_test.cpp:" + std::to_string(line)));
  }
  CHECK(end_of(d) == "1");
}

TEST_CASE("a source fires with failures of every kind", "[deferred]") {
  const auto fired = [](auto fire) {
    deferred_source<int> source;
    auto d = source.get();
    fire(source);
    return end_of(d);
  };
  CHECK(fired([](auto& s) { s.errback(std::runtime_error("object")); }) == "object");
  CHECK(fired([](auto& s) { s.errback(std::make_exception_ptr(std::runtime_error("pointer"))); }) == "pointer");
  CHECK(fired([](auto& s) { s.errback(failure(std::runtime_error("failure"))); }) == "failure");
  CHECK(fired([](auto& s) { s.callback(failure(std::runtime_error("by callback"))); }) == "by callback");
  CHECK(fired([](auto& s) { s.errback(42); }) == "exception of type int");
  CHECK(fired([](auto& s) {
          try {
            throw std::runtime_error("current");
          } catch (...) {
            s.errback();
          }
        }) == "current");
  deferred_source<int> source;
  auto d = source.get();
  CHECK_THROWS_AS(source.errback(), wring::no_current_exception);
  CHECK_FALSE(source.called());
  source.callback(3);
  CHECK(end_of(d) == "3");
}

TEST_CASE("a source that goes without having fired fails its deferred", "[deferred]") {
  std::optional<deferred_source<int>> source(std::in_place);
  auto d = source->get();
  deferred_source<int> moved(std::move(*source));
  source.reset();
  CHECK_FALSE(d.called());
  moved = deferred_source<int>(nullptr);
  CHECK_FALSE(moved.valid());
  std::string end;
  d.add_errback([&](const failure& f) {
    CHECK(f.check<wring::broken_deferred>());
    return 0;
  });
  CHECK(end_of(d) == "0");
}
