// SPDX-License-Identifier: MIT
#include <stdexcept>
#include <string>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/callback/first_error.hpp>

TEST_CASE("a first_error says which deferred failed, and how", "[first_error]") {
  const wring::first_error e(wring::failure(std::domain_error("odd")), 3);
  CHECK(std::string(e.what()) == "the deferred at index 3 failed: odd");
  CHECK(e.index() == 3);
  CHECK(e.sub_failure().check<std::domain_error>());
  CHECK(e.sub_failure().message() == "odd");
}

TEST_CASE("copies of a first_error share what it holds", "[first_error]") {
  const wring::first_error e(wring::failure(std::domain_error("odd")), 0);
  const wring::first_error copy = e;
  CHECK(copy.what() == e.what());
  CHECK(&copy.sub_failure() == &e.sub_failure());
}
