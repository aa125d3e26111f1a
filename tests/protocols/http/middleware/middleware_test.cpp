// SPDX-License-Identifier: MIT
// The middleware that is ready-made; access logs have a file of their own.
#include <array>
#include <atomic>
#include <chrono>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/sleep.hpp>
#include <wring/core/testing/task_test.hpp>
#include <wring/protocols/http/detail/base64.hpp>
#include <wring/protocols/http/detail/secret.hpp>
#include <wring/protocols/http/middleware/basic_auth.hpp>
#include <wring/protocols/http/middleware/bearer_auth.hpp>
#include <wring/protocols/http/middleware/cors.hpp>
#include <wring/protocols/http/middleware/rate_limit.hpp>
#include <wring/protocols/http/middleware/request_ids.hpp>
#include <wring/protocols/http/middleware/server_timing.hpp>

#include "../http_support.hpp"

using namespace std::chrono_literals;
using namespace wring;
using namespace wring::tests;
using http::request;
using http::response;

namespace {

std::string get(std::string_view fields = {}, std::string_view method = "GET") {
  return std::string(method) + " / HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n";
}

std::optional<std::string> field(const std::string& answer, const std::string& name) {
  const std::size_t at = answer.find("\r\n" + name + ": ");
  if (at == std::string::npos) return std::nullopt;
  const std::size_t begin = at + name.size() + 4;
  return answer.substr(begin, answer.find('\r', begin) - begin);
}

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

TASK_TEST("basic authentication lets in who knows the password", "[http]") {
  http::router r;
  r.use(http::basic_auth("a \"realm\"", "ada", "se:cret"));
  r.get("/", [](request& rq, response& rs) { rs.text(rq.get<http::user>().name); });
  std::string got = co_await answers(r, get("Authorization: Basic YWRhOnNlOmNyZXQ=\r\n"));
  CHECK(got.ends_with("\r\n\r\nada"));
  got = co_await answers(r, get("Authorization: basic YWRhOnNlOmNyZXQ=\r\n"));
  CHECK(statuses(got) == "200");
  const std::vector<std::string> refused{"",
                                         "Authorization: Basic YWRhOnNlOmNyZXR4\r\n",  // another password
                                         "Authorization: Basic eGRhOnNlOmNyZXQ=\r\n",  // another name
                                         "Authorization: Basic YWRh\r\n",              // none
                                         "Authorization: Basic YWRhOnNlOmNyZXQ\r\n",   // no base64
                                         "Authorization: Bearer YWRhOnNlOmNyZXQ=\r\n",
                                         "Authorization: Basic " + std::string(2000, 'A') + "\r\n"};
  for (const std::string& fields : refused) {
    got = co_await answers(r, get(fields));
    CHECK(statuses(got) == "401");
    CHECK(field(got, "WWW-Authenticate") == R"(Basic realm="a \"realm\"", charset="UTF-8")");
  }
  CHECK_THROWS_AS(http::basic_auth("a\n", "ada", "secret"), std::invalid_argument);
  CHECK_THROWS_AS(http::basic_auth("a", "a:b", "secret"), std::invalid_argument);
  CHECK_THROWS_AS(http::basic_auth("a", "ada", ""), std::invalid_argument);
}

TASK_TEST("bearer authentication lets in who has the token", "[http]") {
  http::router r;
  r.use(http::bearer_auth("api", "abc.def"));
  r.get("/", [](request&, response& rs) { rs.text("in"); });
  std::string got = co_await answers(r, get("Authorization: Bearer abc.def\r\n"));
  CHECK(statuses(got) == "200");
  got = co_await answers(r, get());
  CHECK(statuses(got) == "401");
  CHECK(field(got, "WWW-Authenticate") == R"(Bearer realm="api")");
  got = co_await answers(r, get("Authorization: Bearer abc.deg\r\n"));
  CHECK(statuses(got) == "401");
  CHECK(field(got, "WWW-Authenticate") == R"(Bearer realm="api", error="invalid_token")");
  CHECK_THROWS_AS(http::bearer_auth("api", std::string()), std::invalid_argument);
  http::router users;
  users.use(http::bearer_auth("api", [](request& rq, std::string_view token) {
    rq.emplace<http::user>(std::string(token));
    return token.starts_with("u-");
  }));
  users.get("/", [](request& rq, response& rs) { rs.text(rq.get<http::user>().name); });
  got = co_await answers(users, get("Authorization: bearer u-1\r\n"));
  CHECK(got.ends_with("\r\n\r\nu-1"));
}

TASK_TEST("pages of other origins may do what CORS allows them", "[http]") {
  http::router r;
  r.use(http::cors()
            .allow_origin("https://app.example")
            .allow_header("content-type")
            .allow_header("x-a")
            .expose_header("x-b")
            .allow_credentials()
            .max_age(90min));
  r.use(http::bearer_auth("api", "abc"));  // not asked of preflight requests
  r.get("/", [](request&, response& rs) { rs.text("in"); });
  r.put("/", [](request&, response& rs) { rs.text("in"); });
  const std::string wants = "Access-Control-Request-Method: PUT\r\n";
  std::string got = co_await answers(r, get("Origin: https://app.example\r\n" + wants, "OPTIONS"));
  CHECK(statuses(got) == "204");
  CHECK(field(got, "Access-Control-Allow-Origin") == "https://app.example");
  CHECK(field(got, "Access-Control-Allow-Credentials") == "true");
  CHECK(field(got, "Access-Control-Allow-Methods") == "GET, PUT, HEAD, OPTIONS");
  CHECK(field(got, "Access-Control-Allow-Headers") == "content-type, x-a");
  CHECK(field(got, "Access-Control-Max-Age") == "5400");
  CHECK(field(got, "Vary") == "Origin");
  got = co_await answers(r, get("Origin: https://app.example.net\r\n" + wants, "OPTIONS"));
  CHECK(statuses(got) == "204");
  CHECK_FALSE(field(got, "Access-Control-Allow-Origin"));
  CHECK_FALSE(field(got, "Access-Control-Allow-Methods"));
  got = co_await answers(r, get("Origin: https://app.example\r\nAuthorization: Bearer abc\r\n"));
  CHECK(statuses(got) == "200");
  CHECK(field(got, "Access-Control-Allow-Origin") == "https://app.example");
  CHECK(field(got, "Access-Control-Expose-Headers") == "x-b");
  // What is no preflight request is for what comes behind.
  got = co_await answers(r, get("Origin: https://app.example\r\n", "OPTIONS"));
  CHECK(statuses(got) == "401");
  got = co_await answers(r, get("Authorization: Bearer abc\r\n", "OPTIONS"));
  CHECK(statuses(got) == "204");
  CHECK(field(got, "Allow") == "GET, PUT, HEAD, OPTIONS");

  http::router open;
  open.use(http::cors().allow_any_origin().allow_credentials());
  open.get("/", [](request&, response& rs) { rs.text("in"); });
  got = co_await answers(open, get("Origin: null\r\n"));
  CHECK(field(got, "Access-Control-Allow-Origin") == "*");
  CHECK_FALSE(field(got, "Access-Control-Allow-Credentials"));
  CHECK_FALSE(field(got, "Vary"));
  for (const char* bad : {"app.example", "https://", "https://a/", "https://a\n", "://a"}) {
    CHECK_THROWS_AS(http::cors().allow_origin(bad), std::invalid_argument);
  }
  CHECK_THROWS_AS(http::cors().allow_header("a b"), std::invalid_argument);
}

TASK_TEST("requests have ids", "[http]") {
  http::router r;
  r.use(http::request_ids());
  r.get("/", [](request& rq, response& rs) { rs.text(rq.get<http::request_id>().text); });
  std::string got = co_await answers(r, get("X-Request-Id: mine\r\n"));
  const std::optional<std::string> first = field(got, "X-Request-Id");
  got = co_await answers(r, get());
  const std::optional<std::string> second = field(got, "X-Request-Id");
  CHECK(first.value().size() == 32);
  CHECK(got.ends_with("\r\n\r\n" + second.value()));
  CHECK(first->substr(0, 16) == second->substr(0, 16));
  CHECK(first->substr(16) == "0000000000000001");
  CHECK(second->substr(16) == "0000000000000002");
  http::router behind;
  behind.use(http::request_ids({.trust_request = true}));
  behind.get("/", [](request& rq, response& rs) { rs.text(rq.get<http::request_id>().text); });
  got = co_await answers(behind, get("X-Request-Id: 9-a_B.+/=\r\n"));
  CHECK(field(got, "X-Request-Id") == "9-a_B.+/=");
  CHECK(got.ends_with("\r\n\r\n9-a_B.+/="));
  for (const std::string& bad : {std::string(), std::string("a b"), std::string("\""), std::string(129, 'a')}) {
    got = co_await answers(behind, get("X-Request-Id: " + bad + "\r\n"));
    CHECK(field(got, "X-Request-Id").value().size() == 32);
  }
}

TASK_TEST("a client is told how long its request has taken", "[http]") {
  http::router r;
  r.use(http::server_timing);
  r.get("/", [](request&, response& rs) -> task<> {
    co_await sleep_for(1234567us);
    rs.text("x");
  });
  r.post("/", [](request&, response& rs) -> task<> {
    co_await rs.write_all("x");
    co_await sleep_for(5ms);
  });
  std::string got = co_await answers(r, get("Connection: close\r\n"), {.half_close_grace = wring::forever});
  CHECK(field(got, "Server-Timing") == "total;dur=1234.567");
  got = co_await answers(r, get("Connection: close\r\n", "POST"), {.half_close_grace = wring::forever});
  CHECK(got.ends_with("\r\n0\r\nServer-Timing: total;dur=5.000\r\n\r\n"));
}

TASK_TEST("clients may send so many requests", "[http]") {
  http::rate_limits limits({.requests = 1, .period = 1s, .burst = 2});
  http::router r;
  r.use(http::rate_limit(limits));
  r.get("/", [](request&, response& rs) { rs.text("in"); });
  std::string got = co_await answers(r, get() + get() + get());
  CHECK(statuses(got) == "200 200 429");
  CHECK(field(got, "Retry-After") == "1");
  co_await sleep_for(1s);
  got = co_await answers(r, get() + get());
  CHECK(statuses(got) == "200 429");
  http::router named;
  named.use(http::rate_limit(limits, [](const request& rq) { return rq.header("x-name").value_or(""); }));
  named.get("/", [](request&, response& rs) { rs.text("in"); });
  const std::string a = get("X-Name: a\r\n");
  got = co_await answers(named, a + a + a + get("X-Name: b\r\n") + get() + get() + get());
  CHECK(statuses(got) == "200 200 429 200 200 200 200");
}

TEST_CASE("limits of a rate are for each client, and there are so many of them") {
  constexpr std::int64_t second = 1'000'000'000;
  http::rate_limits limits({.requests = 2, .period = 1s, .burst = 1, .clients = 2});
  CHECK(limits.take("a", second) == duration());
  CHECK(limits.take("a", second) == 500ms);
  CHECK(limits.take("a", second + second / 4) == 250ms);
  CHECK(limits.take("b", second) == duration());
  // There is no room for these, which share what one has.
  CHECK(limits.take("c", second) == duration());
  CHECK(limits.take("d", second) == 500ms);
  CHECK(limits.take("a", second + second / 2) == duration());
  // Those that have all of theirs again make room.
  CHECK(limits.take("c", 3 * second) == duration());
  CHECK(limits.take("d", 3 * second) == duration());
  CHECK(limits.take("c", 3 * second) == 500ms);
  CHECK(limits.take("d", 3 * second) == 500ms);
  CHECK_THROWS_AS(http::rate_limits({.requests = 0}), std::invalid_argument);
  CHECK_THROWS_AS(http::rate_limits({.period = wring::forever}), std::invalid_argument);
  CHECK_THROWS_AS(http::rate_limits({.burst = 0}), std::invalid_argument);
  CHECK_THROWS_AS(http::rate_limits({.clients = 0}), std::invalid_argument);
}

TEST_CASE("all threads share the limits of a rate", "[threads]") {
  http::rate_limits limits({.requests = 100, .period = 1s, .burst = 100});
  std::atomic<int> allowed = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int k = 0; k < 200; ++k) {
        if (limits.take("a", 1) == duration()) ++allowed;
      }
    });
  }
  for (std::thread& t : threads) t.join();
  CHECK(allowed == 100);
}
