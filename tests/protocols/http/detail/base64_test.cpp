// SPDX-License-Identifier: MIT
#include <array>
#include <optional>
#include <string>
#include <string_view>

#include <catch2/catch_test_macros.hpp>

#include <wring/protocols/http/detail/base64.hpp>

using namespace wring;

namespace {

std::optional<std::string> decoded(std::string_view text) {
  std::array<char, 6> memory;
  const auto size = http::detail::decode_base64(text, memory);
  if (!size) return std::nullopt;
  return std::string(memory.data(), *size);
}

}  // namespace

TEST_CASE("base64 is decoded strictly") {
  CHECK(decoded("") == "");
  CHECK(decoded("YQ==") == "a");
  CHECK(decoded("YWI=") == "ab");
  CHECK(decoded("YWJj") == "abc");
  CHECK(decoded("+/+/") == "\xfb\xff\xbf");
  CHECK(decoded("YWJjYWJj") == "abcabc");
  for (const char* bad :
       {"Y", "YQ", "YQ=", "YR==", "YWJ=", "Y===", "====", "YQ==YQ==", "Y Q=", "YQ-_", "YWJjYWJjYQ=="}) {
    CHECK_FALSE(decoded(bad));
  }
}

TEST_CASE("what base64 encodes is decoded") {
  CHECK(http::detail::encode_base64("") == "");
  CHECK(http::detail::encode_base64("a") == "YQ==");
  CHECK(http::detail::encode_base64("ab") == "YWI=");
  CHECK(http::detail::encode_base64("abc") == "YWJj");
  CHECK(http::detail::encode_base64("\xfb\xff\xbf") == "+/+/");
  CHECK(http::detail::encode_base64("Aladdin:open sesame") == "QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
}
