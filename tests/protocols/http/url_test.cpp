// SPDX-License-Identifier: MIT
#include <cstddef>
#include <string>
#include <string_view>

#include <catch2/catch_test_macros.hpp>

#include <wring/protocols/http/method.hpp>
#include <wring/protocols/http/url.hpp>

using namespace wring::http;

TEST_CASE("escapes are made and undone") {
  CHECK(percent_encode("a b/\xc3\xa4~%") == "a%20b%2F%C3%A4~%25");
  CHECK(percent_decode("a%20b%2f%C3%a4+") == "a b/\xc3\xa4+");
  for (const char* bad : {"%", "%1", "%g0", "%0g", "a%00"}) CHECK_FALSE(percent_decode(bad));
}

TEST_CASE("the values of a query") {
  CHECK(query_value("a=1&b=2&a=3", "a") == "1");
  CHECK(query_value("a=1&b=x+y%26", "b") == "x y&");
  CHECK(query_value("a&b", "a") == "");
  CHECK(query_value("%61%20+=1", "a  ") == "1");
  CHECK_FALSE(query_value("a=1", "b"));
  CHECK_FALSE(query_value("ab=1", "a"));
  CHECK_FALSE(query_value("a=1", "ab"));
  CHECK_FALSE(query_value("a=%", "a"));
  CHECK_FALSE(query_value("", "a"));
}

TEST_CASE("methods") {
  for (int i = 0; i < static_cast<int>(method::other); ++i) {
    CHECK(method_of(to_string(static_cast<method>(i))) == static_cast<method>(i));
  }
  CHECK(method_of("get") == method::other);
  CHECK(method_of("") == method::other);
}

TEST_CASE("what of a path is behind its first segments") {
  struct row {
    std::string_view path;
    std::size_t segments;
    std::string_view behind;
  };
  for (const row& each : {row{"/a/b", 0, "/a/b"}, row{"/a/b", 1, "/b"}, row{"/%61/b/", 1, "/b/"}, row{"/a/b", 2, ""},
                          row{"/a/b/", 2, "/"}, row{"/a", 3, ""}, row{"//a", 1, "/a"}, row{"/", 1, ""}, row{"", 1, ""},
                          row{"*", 1, ""}, row{"/a%2Fb/c", 1, "/c"}}) {
    CAPTURE(each.path, each.segments);
    CHECK(path_behind(each.path, each.segments) == each.behind);
  }
}
