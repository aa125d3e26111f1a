// SPDX-License-Identifier: MIT
#include <source_location>
#include <system_error>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <wring/core/callback/deferred_error.hpp>
#include <wring/core/error.hpp>

TEST_CASE("the errors of deferreds have codes and say what happened", "[deferred]") {
  CHECK(wring::cancelled_error().code() == std::errc::operation_canceled);
  CHECK(wring::broken_deferred().code() == wring::errc::closed);
  const auto here = std::source_location::current();
  const wring::already_called twice(here);
  CHECK(twice.first().line() == here.line());
  CHECK_THAT(twice.what(),
             Catch::Matchers::ContainsSubstring("deferred_error_test.cpp:" + std::to_string(here.line())));
}
