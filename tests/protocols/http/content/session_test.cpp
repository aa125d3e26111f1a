// SPDX-License-Identifier: MIT
#include <chrono>
#include <functional>
#include <stdexcept>
#include <string>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/runtime.hpp>
#include <wring/core/sleep.hpp>
#include <wring/core/submit_to.hpp>
#include <wring/core/testing/task_test.hpp>
#include <wring/protocols/http/content/session.hpp>
#include <wring/protocols/http/status.hpp>

#include "../http_support.hpp"

using namespace std::chrono_literals;
using namespace wring;
using namespace wring::tests;
using http::request;
using http::response;
using http::session;

namespace {

http::router site(const http::sessions& middleware) {
  http::router r;
  r.use(middleware);
  r.get("/read", [](request& rq, response& rs) { rs.text(rq.get<session>().get("who").value_or("nobody")); });
  r.post("/login/{who}", [](request& rq, response& rs) {
    rq.get<session>().renew();
    rq.get<session>().set("who", rq.param("who"));
    rs.text("welcome");
  });
  r.post("/erase", [](request& rq, response&) { rq.get<session>().erase("who"); });
  r.post("/logout", [](request& rq, response&) { rq.get<session>().end(); });
  r.get("/token", [](request& rq, response& rs) { rs.text(rq.get<session>().csrf_token()); });
  r.post("/check/{token}", [](request& rq, response&) { rq.get<session>().check_csrf_token(rq.param("token")); });
  r.post("/long", [](request& rq, response& rs) {
    auto& s = rq.get<session>();
    s.set("a", std::string(98, 'x'));
    s.set("a", std::string(99, 'x'));
    CHECK_THROWS_AS(s.set("a", std::string(100, 'x')), std::length_error);
    CHECK_THROWS_AS(s.set("b", ""), std::length_error);
    s.erase("a");
    s.set("b", std::string(99, 'x'));
    rs.text(s.get("b").value_or("none"));
  });
  return r;
}

/// A browser: keeps the cookie.
struct visitor {
  const http::router& routes;
  std::string cookie = {};
  std::string answer = {};

  task<std::string> ask(std::string what) {
    const std::string field = cookie.empty() ? "" : "Cookie: other=1; " + cookie + "\r\n";
    answer = co_await answers(routes, what + " HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n" + field + "\r\n");
    if (const std::size_t at = answer.rfind("Set-Cookie: "); at != std::string::npos) {
      cookie = answer.substr(at + 12, answer.find(';', at) - at - 12);
    }
    const std::string status = statuses(answer);
    co_return status == "200" ? answer.substr(answer.find("\r\n\r\n") + 4) : status;
  }
};

}  // namespace

TASK_TEST("a session begins when something is set, and ends with a logout", "[http]") {
  http::session_store store;
  const http::router r = site(http::sessions(store));
  visitor a{r};
  visitor b{r};
  std::string got;
  got = co_await a.ask("GET /read");
  CHECK(got == "nobody");
  CHECK(a.cookie.empty());
  CHECK(store.size() == 0);
  got = co_await a.ask("POST /login/ann");
  CHECK(a.answer.find("; Path=/; HttpOnly; SameSite=Lax\r\n") != std::string::npos);
  CHECK(a.answer.find("Cache-Control: private, no-cache\r\n") != std::string::npos);
  CHECK(a.cookie.size() == std::string_view("session=").size() + 32);
  got = co_await b.ask("POST /login/bob");
  CHECK(a.cookie != b.cookie);
  got = co_await a.ask("GET /read");
  CHECK(got == "ann");
  CHECK(a.answer.find("Vary: Cookie\r\n") != std::string::npos);
  got = co_await b.ask("GET /read");
  CHECK(got == "bob");
  const std::string before = a.cookie;
  got = co_await a.ask("POST /erase");
  got = co_await a.ask("GET /read");
  CHECK(got == "nobody");
  got = co_await b.ask("POST /logout");
  CHECK(b.cookie == "session=");
  CHECK(store.size() == 1);
  visitor thief{r, "session=" + std::string(32, '0')};
  got = co_await thief.ask("GET /read");
  CHECK(got == "nobody");
  thief.cookie = "session=" + std::string(5000, '0');
  got = co_await thief.ask("GET /read");
  CHECK(got == "nobody");
}

TASK_TEST("a login gives the session another id, so that a known one is of no use", "[http]") {
  http::session_store store;
  const http::router r = site(http::sessions(store));
  visitor a{r};
  std::string got = co_await a.ask("GET /token");
  const std::string token = got;
  visitor other{r, a.cookie};
  got = co_await a.ask("POST /login/ann");
  CHECK(a.cookie != other.cookie);
  got = co_await other.ask("GET /read");
  CHECK(got == "nobody");
  got = co_await a.ask("GET /read");
  CHECK(got == "ann");
  CHECK(store.size() == 1);
  got = co_await a.ask("POST /check/" + token);
  CHECK(got == "403");
}

TASK_TEST("a form needs the token of its session", "[http]") {
  http::session_store store;
  const http::router r = site(http::sessions(store));
  visitor a{r};
  visitor b{r};
  std::string got;
  got = co_await a.ask("POST /check/x");
  CHECK(got == "403");
  const std::string token = co_await a.ask("GET /token");
  CHECK(token.size() == 32);
  got = co_await a.ask("GET /token");
  CHECK(got == token);
  got = co_await a.ask("POST /check/" + token);
  CHECK(got.empty());
  got = co_await a.ask("POST /check/" + token + "0");
  CHECK(got == "403");
  got = co_await b.ask("GET /token");
  CHECK(got != token);
  got = co_await b.ask("POST /check/" + token);
  CHECK(got == "403");
}

TASK_TEST("sessions are bounded in size, number and time", "[http]") {
  http::session_store store({.sessions = 2, .bytes = 100, .idle = 15min});
  const http::router r = site(http::sessions(store));
  visitor a{r};
  visitor b{r};
  visitor c{r};
  std::string got;
  got = co_await a.ask("POST /long");
  CHECK(got == std::string(99, 'x'));
  co_await sleep_for(10min);
  got = co_await b.ask("POST /login/bob");
  got = co_await c.ask("POST /login/cid");
  CHECK(got == "503");
  CHECK(c.cookie.empty());
  co_await sleep_for(6min);
  got = co_await c.ask("POST /login/cid");
  CHECK(got == "welcome");
  got = co_await b.ask("GET /read");
  CHECK(got == "bob");
  co_await sleep_for(15min);
  got = co_await b.ask("GET /read");
  CHECK(got == "bob");
  co_await sleep_for(1s);
  got = co_await c.ask("GET /read");
  CHECK(got == "nobody");
}

TEST_CASE("who logs in on one scheduler is known on the other", "[http][threads][real_time]") {
  http::session_store store;
  std::string cookie;
  std::string answer;
  const int code = runtime({.threads = 2}).run([&]() -> task<> {
    if (runtime::number() != 0) co_return;
    const auto log_in = [&]() -> task<> {
      const http::router r = site(http::sessions(store));
      visitor a{r};
      static_cast<void>(co_await a.ask("POST /login/ann"));
      cookie = a.cookie;
    };
    const auto read = [&]() -> task<> {
      const http::router r = site(http::sessions(store));
      visitor a{r, cookie};
      answer = co_await a.ask("GET /read");
    };
    co_await log_in();
    co_await submit_to(runtime::current().at(1), std::ref(read));
  });
  CHECK(code == 0);
  CHECK(answer == "ann");
}

namespace {

constexpr std::string_view secret = "a secret of more than thirty-two bytes";

}  // namespace

TASK_TEST("a session in a sealed cookie needs no store", "[http]") {
  const http::seal_keys keys({secret});
  const http::router r = site(http::sessions(keys));
  const http::seal_keys same({std::string_view("a newer secret, also long enough!"), secret});
  const http::router elsewhere = site(http::sessions(same));
  visitor a{r};
  std::string got = co_await a.ask("GET /read");
  CHECK(got == "nobody");
  CHECK(a.cookie.empty());
  got = co_await a.ask("GET /token");
  const std::string token = got;
  got = co_await a.ask("POST /check/" + token);
  CHECK(got.empty());
  got = co_await a.ask("POST /login/ann");
  // Of several changes the last one counts, and is sent alone.
  CHECK(a.answer.find("Set-Cookie") == a.answer.rfind("Set-Cookie"));
  CHECK(a.answer.find("Cache-Control: private, no-cache\r\n") != std::string::npos);
  CHECK(a.cookie.find("ann") == std::string::npos);
  got = co_await a.ask("POST /check/" + token);
  CHECK(got == "403");
  got = co_await a.ask("GET /read");
  CHECK(got == "ann");
  CHECK(a.answer.find("Set-Cookie") == std::string::npos);
  visitor there{elsewhere, a.cookie};
  got = co_await there.ask("GET /read");
  CHECK(got == "ann");
  got = co_await there.ask("POST /erase");
  visitor back{r, there.cookie};
  got = co_await back.ask("GET /read");  // sealed with a secret that is not known here
  CHECK(got == "nobody");
  visitor forger{r, a.cookie};
  forger.cookie.back() = forger.cookie.back() == 'A' ? 'B' : 'A';
  got = co_await forger.ask("GET /read");
  CHECK(got == "nobody");
  got = co_await a.ask("POST /logout");
  CHECK(a.cookie == "session=");
  CHECK(a.answer.find("; Max-Age=0") != std::string::npos);
  got = co_await a.ask("GET /read");
  CHECK(got == "nobody");
}

TASK_TEST("a sealed session is no longer than a cookie may be", "[http]") {
  const http::seal_keys keys({secret});
  http::router r;
  r.use(http::sessions(keys));
  r.post("/", [](request& rq, response& rs) {
    auto& s = rq.get<session>();
    s.set("a", std::string(2900, 'x'));
    CHECK_THROWS_AS(s.set("b", std::string(200, 'x')), std::length_error);
    CHECK_FALSE(s.get("b"));
    rs.text(s.get("a").value_or("none").substr(0, 3));
  });
  visitor a{r};
  const std::string got = co_await a.ask("POST /");
  CHECK(got == "xxx");
  CHECK(a.cookie.size() > 3900);
  CHECK(a.cookie.size() <= 4096 + 1);
}

// By the wall clock, in seconds.
TASK_TEST_WITH("a sealed session that is used lasts, and one that is not ends", "[http][real_time]",
               .real_time = true) {
  const http::seal_keys keys({secret});
  const http::router r = site(http::sessions(keys, 2s));
  visitor a{r};
  std::string got = co_await a.ask("POST /login/ann");
  const std::string first = a.cookie;
  visitor old{r, first};
  co_await sleep_for(1500ms);
  got = co_await a.ask("GET /read");
  CHECK(got == "ann");
  CHECK(a.cookie != first);
  co_await sleep_for(1600ms);
  got = co_await a.ask("GET /read");
  CHECK(got == "ann");
  got = co_await old.ask("GET /read");
  CHECK(got == "nobody");
}
