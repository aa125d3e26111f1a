// SPDX-License-Identifier: MIT
#include <stdexcept>
#include <string>

#include <catch2/catch_test_macros.hpp>

#include <wring/protocols/http/status.hpp>

using namespace wring::http;

TEST_CASE("a status and its reason") {
  CHECK(reason_of(404) == "Not Found");
  CHECK(reason_of(299).empty());
  const status_error e(413, "too much", "of /x");
  CHECK(e.status() == 413);
  CHECK(e.text() == "too much");
  CHECK(std::string(e.what()) == "HTTP status 413: too much (of /x)");
  CHECK_THROWS_AS(status_error(200), std::invalid_argument);
  CHECK_THROWS_AS(status_error(600), std::invalid_argument);
}
