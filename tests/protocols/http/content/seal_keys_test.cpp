// SPDX-License-Identifier: MIT
#include <chrono>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/testing/clock.hpp>
#include <wring/core/testing/task_test.hpp>
#include <wring/protocols/http/content/seal_keys.hpp>

namespace {

using namespace wring;
using namespace std::chrono_literals;
using http::seal_keys;

constexpr std::string_view old_secret = "an old secret of thirty-two bytes";
constexpr std::string_view new_secret = "a newer secret, also long enough!";

/// Each text that differs from this one in a character.
template <class Use>
void for_each_change(const std::string& text, Use use) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string other = text;
    other[i] = text[i] == 'A' ? 'B' : 'A';
    use(other);
    use(text.substr(0, i));
  }
  use(text + "A");
}

TASK_TEST("what is signed can be read, and nobody else can make it", "[http][seal]") {
  const seal_keys keys({new_secret});
  for (const std::string& value :
       {std::string(), std::string("42"), std::string("\0\xff; ,\"", 6), std::string(5000, 'x')}) {
    const std::string text = keys.sign("user", value);
    CHECK(text.find_first_of(" ;,\"\\=+/%&") == std::string::npos);
    CHECK(keys.verify("user", text) == value);
    CHECK_FALSE(keys.verify("use", text));
    CHECK_FALSE(keys.verify("", text));
    if (value.size() < 100) for_each_change(text, [&](const std::string& t) { CHECK_FALSE(keys.verify("user", t)); });
    CHECK_FALSE(seal_keys({old_secret}).verify("user", text));
  }
  // The border between purpose and value is signed, too.
  CHECK_FALSE(keys.verify("ab", keys.sign("a", "bc")));
  co_return;
}

TASK_TEST("what is sealed tells nothing, and nobody else can make it", "[http][seal]") {
  const seal_keys keys({new_secret});
  std::set<std::string> texts;
  for (int i = 0; i < 10; ++i) texts.insert(keys.seal("cart", "the same"));
  CHECK(texts.size() == 10);
  for (const std::string& value : {std::string(), std::string("42"), std::string(5000, 'x')}) {
    const std::string text = keys.seal("cart", value);
    CHECK(text.find_first_of(" ;,\"\\=+/%&") == std::string::npos);
    CHECK(keys.open("cart", text) == value);
    CHECK_FALSE(keys.open("chart", text));
    if (value.size() < 100) for_each_change(text, [&](const std::string& t) { CHECK_FALSE(keys.open("cart", t)); });
    CHECK_FALSE(keys.verify("cart", text));
    CHECK_FALSE(seal_keys({old_secret}).open("cart", text));
  }
  CHECK_FALSE(keys.open("cart", keys.sign("cart", "42")));
  co_return;
}

TASK_TEST("secrets are replaced one after the other", "[http][seal]") {
  const seal_keys before({old_secret});
  const seal_keys both({new_secret, old_secret});
  CHECK(both.verify("user", before.sign("user", "42")) == "42");
  CHECK(both.open("user", before.seal("user", "42")) == "42");
  CHECK_FALSE(before.verify("user", both.sign("user", "42")));
  CHECK_FALSE(before.open("user", both.seal("user", "42")));
  co_return;
}

TASK_TEST("what is past its lifetime is not accepted", "[http][seal]") {
  const seal_keys keys({new_secret});
  CHECK(keys.verify("user", keys.sign("user", "42", 1h)) == "42");
  CHECK(keys.open("user", keys.seal("user", "42", 1h)) == "42");
  CHECK_FALSE(keys.verify("user", keys.sign("user", "42", -2s)));
  CHECK_FALSE(keys.open("user", keys.seal("user", "42", -2s)));
  co_return;
}

TEST_CASE("a secret is to be long", "[http][seal]") {
  CHECK_THROWS_AS(seal_keys(std::vector<std::string>()), std::invalid_argument);
  CHECK_THROWS_AS(seal_keys({std::string_view("too short")}), std::invalid_argument);
  CHECK_THROWS_AS(seal_keys({new_secret, std::string_view("too short")}), std::invalid_argument);
}

}  // namespace
