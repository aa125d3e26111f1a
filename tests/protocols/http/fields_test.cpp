// SPDX-License-Identifier: MIT
#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/protocols/http/fields.hpp>

#include "detail/head_support.hpp"

using namespace wring;
using namespace wring::tests;

TEST_CASE("fields are looked up whatever the case, and keep their order") {
  const parsed_head head("GET / HTTP/1.1\r\nHost: a\r\nAccept: x\r\nX-A: 1\r\nACCEPT: y\r\n\r\n");
  const http::fields all = head.store.all();
  CHECK(all.size() == 4);
  CHECK(all.find("aCCept") == "x");
  CHECK(all.find("x-a") == "1");
  CHECK_FALSE(all.find("x-"));
  CHECK(all.joined("accept") == "x, y");
  CHECK(all.joined("none").empty());
  std::string names;
  for (const auto [name, value] : all) names += std::string(name) + "=" + std::string(value) + ";";
  CHECK(names == "host=a;accept=x;x-a=1;accept=y;");
  std::vector<std::string_view> values;
  for (const auto value : all.all("Accept")) values.push_back(value);
  CHECK(values == std::vector<std::string_view>{"x", "y"});
  CHECK(all.all("none").empty());
  CHECK(http::fields().empty());
  CHECK_FALSE(http::fields().find("a"));
}
