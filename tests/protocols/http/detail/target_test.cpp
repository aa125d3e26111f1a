// SPDX-License-Identifier: MIT
#include <string>
#include <string_view>

#include <catch2/catch_test_macros.hpp>

#include <wring/protocols/http/detail/target.hpp>

using namespace std::string_view_literals;
using namespace wring::http;
using namespace wring::http::detail;

namespace {

std::string parts_of(std::string_view target, method m = method::get) {
  target_parts parts;
  if (const refusal r = parse_target(m, target, parts)) return std::to_string(r.status);
  std::string path(parts.path);
  if (parts.has_dots) path.resize(remove_dots(parts.path, path.data()));
  return std::string(parts.scheme) + "|" + std::string(parts.authority) + "|" + path + "|" + std::string(parts.query);
}
std::string path_of(std::string_view target) { return parts_of(target).substr(2); }

}  // namespace

TEST_CASE("the four forms of a target") {
  CHECK(parts_of("/a/b?c=d&e") == "||/a/b|c=d&e");
  CHECK(parts_of("/?") == "||/|");
  CHECK(parts_of("http://example.org:80/x?y") == "http|example.org:80|/x|y");
  CHECK(parts_of("HTTPS://[::1]") == "HTTPS|[::1]|/|");
  CHECK(parts_of("http://a?b") == "http|a|/|b");
  CHECK(parts_of("*", method::options) == "||*|");
  CHECK(parts_of("example.org:443", method::connect) == "|example.org:443||");
  for (const std::string_view bad : {"*"sv, "a"sv, "a/b"sv, "example.org:443"sv, "ftp://a/"sv, "http:///"sv,
                                     "http://u@a/"sv, "http://a:x/"sv, "://a"sv}) {
    CAPTURE(bad);
    CHECK(parts_of(bad) == "400");
  }
  for (const std::string_view bad : {"/"sv, "example.org"sv, "[::1]"sv, "a:"sv, "a:0x1"sv, "http://a:80"sv}) {
    CAPTURE(bad);
    CHECK(parts_of(bad, method::connect) == "400");
  }
}

TEST_CASE("characters and escapes of a path") {
  for (const std::string_view bad : {"/a#b"sv, "/a\\b"sv, "/a\"b"sv, "/<a>"sv, "/a|b"sv, "/a{b}"sv, "/\xe4"sv, "/%"sv,
                                     "/%4"sv, "/%4g"sv, "/%00"sv, "/a?b#c"sv, "/a?\xe4"sv, "/a\tb"sv}) {
    CAPTURE(bad);
    CHECK(parts_of(bad) == "400");
  }
  CHECK(path_of("/a%2Fb/%C3%a4?x=%zz|{}\\\"") == "/a%2Fb/%C3%a4|x=%zz|{}\\\"");
}

TEST_CASE("dot segments are removed, and never lead out of the root") {
  CHECK(path_of("/a/./b") == "/a/b|");
  CHECK(path_of("/a/../b") == "/b|");
  CHECK(path_of("/a/b/..") == "/a/|");
  CHECK(path_of("/a/b/.") == "/a/b/|");
  CHECK(path_of("/..") == "/|");
  CHECK(path_of("/../../etc/passwd") == "/etc/passwd|");
  CHECK(path_of("/a/%2e%2E/b") == "/b|");
  CHECK(path_of("/a/.%2e/../../b") == "/b|");
  CHECK(path_of("/a//../b") == "/a/b|");
  CHECK(path_of("/a/..%2fb") == "/a/..%2fb|");  // an escaped slash is part of its segment
  CHECK(path_of("/...") == "/...|");
  CHECK(path_of("/.a/b.") == "/.a/b.|");
  CHECK(path_of("//a") == "//a|");
}
