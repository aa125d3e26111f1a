// SPDX-License-Identifier: MIT
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/testing/task_test.hpp>
#include <wring/protocols/http/web/digest_auth.hpp>

#include "../http_support.hpp"
#include "../middleware/middleware_support.hpp"

using namespace wring;
using namespace wring::tests;
using http::request;
using http::response;
using web::digest_algorithm;
using web::digest_parameters;

namespace {

const http::seal_keys& keys() {
  static const http::seal_keys made({"a secret of at least thirty-two bytes"});
  return made;
}

std::optional<std::string> password_of(std::string_view name) {
  if (name == "ada") return "se:cret";
  if (name == R"(a "b" \)") return "other";
  return std::nullopt;
}

http::router guarded(const http::seal_keys& with) {
  http::router r;
  r.use(web::digest_auth("a \"realm\"", with, password_of));
  for (const char* const at : {"/", "/other"}) {
    r.get(at, [](request& rq, response& rs) { rs.text(rq.get<http::user>().name); });
  }
  return r;
}

/// The challenges of an answer, in their order.
std::vector<std::string> challenges(std::string_view answer) {
  constexpr std::string_view name = "\r\nWWW-Authenticate: ";
  std::vector<std::string> all;
  for (std::size_t at = 0; (at = answer.find(name, at)) != std::string_view::npos;) {
    at += name.size();
    all.emplace_back(answer.substr(at, answer.find('\r', at) - at));
  }
  return all;
}

std::string with(std::string_view authorization) { return "Authorization: " + std::string(authorization) + "\r\n"; }

std::string answer_to(std::string_view challenge, std::string_view name, std::string_view password,
                      std::string_view method = "GET", std::string_view target = "/") {
  return web::answer_digest_challenge(challenge, name, password, method, target, "once").value();
}

}  // namespace

TEST_CASE("the responses of digest authentication are those of RFC 7616", "[http]") {
  // Section 3.9.1.
  const digest_parameters p{.realm = "http-auth@example.org",
                            .nonce = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
                            .opaque = {},
                            .qop = "auth",
                            .algorithm = {},
                            .stale = {},
                            .username = "Mufasa",
                            .uri = "/dir/index.html",
                            .response = {},
                            .cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
                            .nc = "00000001",
                            .userhash = {}};
  CHECK(web::digest_response(digest_algorithm::md5, p, "Circle of Life", "GET") == "8ca523f5e9506fed4657c9700eebdbec");
  CHECK(web::digest_response(digest_algorithm::sha256, p, "Circle of Life", "GET") ==
        "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1");
}

TEST_CASE("the parameters of digest authentication are parsed strictly", "[http]") {
  const auto p = digest_parameters::parse(R"(realm="a \"b\"", , nonce="n",QOP=auth ,  other="x,y", algorithm=md5)");
  REQUIRE(p);
  CHECK(p->realm == R"(a "b")");
  CHECK(p->nonce == "n");
  CHECK(p->qop == "auth");
  CHECK(p->hash() == digest_algorithm::md5);
  CHECK(digest_parameters::parse("")->hash() == digest_algorithm::md5);
  CHECK(digest_parameters::parse("algorithm=sha-256")->hash() == digest_algorithm::sha256);
  CHECK_FALSE(digest_parameters::parse("algorithm=MD5-sess")->hash());
  // Another challenge behind it.
  CHECK(digest_parameters::parse(R"(nonce="n", Basic realm="x")")->realm.empty());
  for (const char* const wrong : {"realm", "realm=", "realm=\"a", "realm=\"a\\", "=a", "realm=a b", "nonce=a, nonce=b",
                                  "realm=\"a\"b", "(x)=a", "Basic realm=x"}) {
    CAPTURE(wrong);
    CHECK_FALSE(digest_parameters::parse(wrong));
  }
}

TASK_TEST("digest authentication lets in who knows the password", "[http]") {
  http::router r = guarded(keys());
  std::string got = co_await answers(r, get());
  CHECK(statuses(got) == "401");
  const std::vector<std::string> offered = challenges(got);
  REQUIRE(offered.size() == 2);
  CHECK(offered[0].starts_with(R"(Digest realm="a \"realm\"", qop="auth", algorithm=SHA-256, nonce=")"));
  CHECK(offered[1].starts_with(R"(Digest realm="a \"realm\"", qop="auth", algorithm=MD5, nonce=")"));
  CHECK(got.find("stale") == std::string::npos);
  for (const std::string& challenge : offered) {
    got = co_await answers(r, get(with(answer_to(challenge, "ada", "se:cret"))));
    CHECK(got.ends_with("\r\n\r\nada"));
    got = co_await answers(r, get(with(answer_to(challenge, R"(a "b" \)", "other"))));
    CHECK(got.ends_with("\r\n\r\na \"b\" \\"));
  }
  const std::string right = answer_to(offered[0], "ada", "se:cret");
  std::string forged = right;
  forged.replace(forged.find("nonce=\"") + 7, 4, "AAAA");
  const std::vector<std::string> refused{
      answer_to(offered[0], "ada", "secret"),
      answer_to(offered[0], "bob", ""),  // nobody's password is no password
      answer_to(offered[0], "ada", "se:cret", "POST"),
      answer_to(offered[0], "ada", "se:cret", "GET", "/other"),
      forged,
      right.substr(0, right.find(", qop")),
      "Digest " + std::string(5000, 'a'),
      "Basic YWRhOnNlOmNyZXQ=",
  };
  for (const std::string& each : refused) {
    CAPTURE(each);
    got = co_await answers(r, get(with(each)));
    CHECK(statuses(got) == "401");
    CHECK(got.find("stale") == std::string::npos);
  }
}

TASK_TEST("a nonce that is not good any more asks for another answer, not for another password", "[http]") {
  const http::seal_keys others({"another secret of thirty-two bytes or more"});
  http::router before = guarded(others);
  std::string got = co_await answers(before, get());
  const std::string answer = answer_to(challenges(got).at(0), "ada", "se:cret");
  http::router now = guarded(keys());
  got = co_await answers(now, get(with(answer)));
  CHECK(statuses(got) == "401");
  const std::vector<std::string> offered = challenges(got);
  REQUIRE(offered.size() == 2);
  CHECK(offered[0].ends_with(", stale=true"));
  got = co_await answers(now, get(with(answer_to(offered[0], "ada", "se:cret"))));
  CHECK(statuses(got) == "200");
}

TEST_CASE("a challenge that cannot be answered is told from one that can", "[http]") {
  const auto answer = [](std::string_view challenge) {
    return web::answer_digest_challenge(challenge, "ada", "secret", "GET", "/", "once");
  };
  CHECK(answer(R"(Digest realm="a", nonce="n", qop="auth-int, auth")"));
  CHECK(answer(R"(Digest realm="a", nonce="n", qop="auth", opaque="o")")->ends_with(R"(, opaque="o")"));
  for (const char* const other : {R"(Basic realm="a")", R"(Digest realm="a", qop="auth")",
                                  R"(Digest realm="a", nonce="n")", R"(Digest realm="a", nonce="n", qop="auth-int")",
                                  R"(Digest realm="a", nonce="n", qop="auth", algorithm=SHA-512)", "Digest realm"}) {
    CAPTURE(other);
    CHECK_FALSE(answer(other));
  }
}

TEST_CASE("digest authentication says what is wrong with how it is made", "[http]") {
  CHECK_THROWS_AS(web::digest_auth("a\n", keys(), password_of), std::invalid_argument);
  CHECK_THROWS_AS(web::digest_auth("a", keys(), nullptr), std::invalid_argument);
  CHECK_THROWS_AS(web::digest_auth("a", keys(), password_of, {}), std::invalid_argument);
}
