// SPDX-License-Identifier: MIT
#include <catch2/catch_test_macros.hpp>

#include <wring/protocols/http/detail/secret.hpp>

using namespace wring;

TEST_CASE("secrets are compared as a whole") {
  using http::detail::is_secret;
  CHECK(is_secret("abc", "abc"));
  for (const char* wrong : {"", "a", "ab", "abd", "bbc", "abca", "abcabc"}) CHECK_FALSE(is_secret(wrong, "abc"));
  CHECK_FALSE(is_secret("a", ""));
  using http::detail::credentials_of;
  CHECK(credentials_of("Basic YQ==", "basic") == "YQ==");
  CHECK(credentials_of("bAsic   YQ== ", "basic") == "YQ==");
  for (const char* none : {"", "Basic", "Basic ", "Basics YQ==", "BasicYQ=="})
    CHECK(credentials_of(none, "basic").empty());
}
