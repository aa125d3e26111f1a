// SPDX-License-Identifier: MIT
#include <string>
#include <string_view>

#include <catch2/catch_test_macros.hpp>

#include <wring/protocols/http/content/entity_tag.hpp>

using namespace wring;

TEST_CASE("entity tags are compared as the table of RFC 9110, section 8.8.3.2 says") {
  struct row {
    const char* a;
    const char* b;
    bool strong;
    bool weak;
  };
  for (const row& r : {row{R"(W/"1")", R"(W/"1")", false, true}, row{R"(W/"1")", R"(W/"2")", false, false},
                       row{R"(W/"1")", R"("1")", false, true}, row{R"("1")", R"("1")", true, true}}) {
    const auto a = http::parse_entity_tag(r.a);
    const auto b = http::parse_entity_tag(r.b);
    REQUIRE(a);
    REQUIRE(b);
    CHECK(a->matches_strongly(*b) == r.strong);
    CHECK(b->matches_strongly(*a) == r.strong);
    CHECK(a->matches_weakly(*b) == r.weak);
  }
}

TEST_CASE("entity tags are quoted") {
  for (const std::string_view text : {R"("")", R"("xyzzy")", R"(W/"xyzzy")", R"("a,b")", "\"\xc3\xa4\"", R"("!#~")"}) {
    CAPTURE(text);
    CHECK(http::parse_entity_tag(text));
  }
  for (const std::string_view text : {"", "*", "x", "\"", "\"x", "x\"", R"(w/"x")", R"(W "x")", R"(W/x)", R"("a b")",
                                      R"("a"b")", "\"a\x7f\"", R"("a" )"}) {
    CAPTURE(text);
    CHECK_FALSE(http::parse_entity_tag(text));
  }
}

TEST_CASE("lists of entity tags") {
  const auto all = [](std::string_view list) {
    std::string found;
    while (const auto tag = http::detail::take_entity_tag(list)) {
      found += tag->weak ? "W" : "S";
      found += tag->opaque;
    }
    return found + (list.empty() ? "" : " and " + std::string(list));
  };
  CHECK(all(R"("a")") == R"(S"a")");
  CHECK(all(R"("a", W/"b" ,"c,d",, "e")") == R"(S"a"W"b"S"c,d"S"e")");
  CHECK(all(R"(,"a",)") == R"(S"a")");
  CHECK(all(R"("a" "b")") == R"( and "a" "b")");
  CHECK(all(R"("a", b, "c")") == R"(S"a" and b, "c")");
}
