// SPDX-License-Identifier: MIT
#include <functional>
#include <stdexcept>
#include <type_traits>
#include <variant>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/callback/deferred_result.hpp>

TEST_CASE("a deferred_result has succeeded if it holds a value", "[deferred_result]") {
  wring::deferred_result<int> none;
  CHECK_FALSE(none.succeeded());
  const wring::deferred_result<int> value{.value = 4, .error = {}};
  CHECK(value.succeeded());
  const wring::deferred_result<int> failed{.value = {}, .error = wring::failure(std::domain_error("odd"))};
  CHECK_FALSE(failed.succeeded());
  CHECK(failed.error->message() == "odd");
}

TEST_CASE("nothing and references are held as objects", "[deferred_result]") {
  using nothing = decltype(wring::deferred_result<void>::value)::value_type;
  CHECK(std::is_same_v<nothing, std::monostate>);
  using reference = decltype(wring::deferred_result<int&>::value)::value_type;
  CHECK(std::is_same_v<reference, std::reference_wrapper<int>>);
}
