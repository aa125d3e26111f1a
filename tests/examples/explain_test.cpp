// SPDX-License-Identifier: MIT
#include "../../examples/explain.cpp"

#include <string>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/testing/run.hpp>

#include "captured_output.hpp"

TEST_CASE("The engine is explained", "[examples][explain]") {
  const std::string text = wring::tests::output_of([] { wring::testing::run(tell); });
  CHECK(text.starts_with("engine: "));
  CHECK(text.find("\nchosen: ") != std::string::npos);
}
