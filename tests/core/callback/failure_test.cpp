// SPDX-License-Identifier: MIT
#include <stdexcept>
#include <string>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>

#include <wring/core/callback/deferred_error.hpp>
#include <wring/core/callback/failure.hpp>

using wring::failure;

TEST_CASE("a failure tells what its exception is", "[failure]") {
  const failure f(std::out_of_range("too far"));
  CHECK(f.check<std::out_of_range>());
  CHECK(f.check<int, std::logic_error>());
  CHECK_FALSE(f.check<std::runtime_error, int>());
  CHECK_FALSE(f.check<>());
  CHECK(f.message() == "too far");
  CHECK(f.type_name() == "std::out_of_range");
  REQUIRE(f.get_if<std::exception>() != nullptr);
  CHECK(std::string(f.get_if<std::exception>()->what()) == "too far");
  CHECK(f.get_if<std::runtime_error>() == nullptr);
}

TEST_CASE("trap lets the exceptions pass that it was given and throws others as they are", "[failure]") {
  const failure f(std::out_of_range("too far"));
  CHECK(&f.trap<std::runtime_error, std::logic_error>() == &f);
  CHECK_THROWS_MATCHES(f.trap<std::runtime_error>(), std::out_of_range, Catch::Matchers::Message("too far"));
  CHECK_THROWS_AS(f.raise(), std::out_of_range);
}

TEST_CASE("a failure holds exceptions of any type", "[failure]") {
  const failure f(std::make_exception_ptr(42));
  REQUIRE(f.get_if<int>() != nullptr);
  CHECK(*f.get_if<int>() == 42);
  CHECK(f.type_name() == "int");
  CHECK(f.message() == "exception of type int");
}

TEST_CASE("a failure can be made of the exception that is being handled, and of no other", "[failure]") {
  try {
    throw std::runtime_error("lost");
  } catch (...) {
    CHECK(failure::current().message() == "lost");
  }
  CHECK_THROWS_AS(failure::current(), wring::no_current_exception);
  CHECK_THROWS_AS(failure(std::exception_ptr()), std::invalid_argument);
}
