// SPDX-License-Identifier: MIT
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/detail/awaiting/stored_argument.hpp>

namespace {

using wring::detail::call_refers_to_temporary;

struct base {};
struct derived : base {};
struct refers_to_text {
  operator std::string&();  // NOLINT: implicit on purpose
};
struct object {
  void member(const std::string& text) const;
  void operator()(const std::string& text) const noexcept;
};

using takes_value = void (*)(std::string) noexcept;
using takes_reference = void (*)(const std::string&);
using takes_temporary = void (*)(std::string&&);

}  // namespace

TEST_CASE("an argument of the parameter's type is referred to where it is stored", "[task]") {
  STATIC_REQUIRE(!call_refers_to_temporary<takes_value, const char*>());
  STATIC_REQUIRE(!call_refers_to_temporary<takes_reference, std::string>());
  STATIC_REQUIRE(!call_refers_to_temporary<takes_reference, const std::string&>());
  STATIC_REQUIRE(!call_refers_to_temporary<takes_temporary, std::string>());
  STATIC_REQUIRE(!call_refers_to_temporary<void (*)(const base&), derived>());
  STATIC_REQUIRE(!call_refers_to_temporary<void (*)(base&), derived&>());
  STATIC_REQUIRE(!call_refers_to_temporary<takes_reference, refers_to_text>());
  STATIC_REQUIRE(!call_refers_to_temporary<decltype(&object::member), object&, std::string>());
  STATIC_REQUIRE(!call_refers_to_temporary<object, std::string>());
}

TEST_CASE("an argument that has to be converted for a reference is refused", "[task]") {
  const auto lambda = [](const std::string&) {};
  auto changing = [](int, std::string&&) mutable {};
  STATIC_REQUIRE(call_refers_to_temporary<takes_reference, const char*>());
  STATIC_REQUIRE(call_refers_to_temporary<takes_reference, std::string_view>());
  STATIC_REQUIRE(call_refers_to_temporary<takes_temporary, const char*>());
  STATIC_REQUIRE(call_refers_to_temporary<void (*)(const long&), int>());
  STATIC_REQUIRE(call_refers_to_temporary<void (*)(const std::span<int>&), std::vector<int>&>());
  STATIC_REQUIRE(call_refers_to_temporary<decltype(&object::member), object&, const char*>());
  STATIC_REQUIRE(call_refers_to_temporary<object, const char*>());
  STATIC_REQUIRE(call_refers_to_temporary<const object, const char*>());
  STATIC_REQUIRE(call_refers_to_temporary<decltype(lambda), const char*>());
  STATIC_REQUIRE(call_refers_to_temporary<decltype(changing), int, const char*>());
}

TEST_CASE("nothing is said of a callable whose parameters depend on the arguments", "[task]") {
  const auto generic = [](const auto&) {};
  STATIC_REQUIRE(!call_refers_to_temporary<decltype(generic), const char*>());
}
