// SPDX-License-Identifier: MIT
#include <cstdlib>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/testing/task_test.hpp>
#include <wring/protocols/http/client/connect_tunnel.hpp>
#include <wring/protocols/http/client/proxy_rules.hpp>

#include "client_support.hpp"

using namespace wring;
using namespace wring::tests;
using http::absolute_url;
using http::proxy_rules;

namespace {

std::string proxy_of(const proxy_rules& rules, std::string_view url) {
  const auto* const p = rules.proxy_for(*absolute_url::parse(url));
  return p == nullptr ? "none" : p->host + ":" + std::to_string(p->port) + (p->authorization.empty() ? "" : " auth");
}

/// Sets variables of the environment, and puts them back.
class environment {
 public:
  using values = std::vector<std::pair<const char*, const char*>>;

  explicit environment(const values& set) {
    for (const char* name : {"http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "no_proxy", "NO_PROXY"}) {
      const char* const old = std::getenv(name);
      before_.emplace_back(name, old != nullptr ? old : "");
      ::unsetenv(name);
    }
    for (const auto& [name, value] : set) ::setenv(name, value, 1);
  }
  environment(const environment&) = delete;
  environment& operator=(const environment&) = delete;
  ~environment() {
    for (const auto& [name, value] : before_) {
      if (value.empty()) {
        ::unsetenv(name);
      } else {
        ::setenv(name, value.c_str(), 1);
      }
    }
  }

 private:
  std::vector<std::pair<const char*, std::string>> before_;
};

/// Secures nothing, but says that it has.
class securing_connector : public http::testing::canned_connector {
 public:
  using canned_connector::canned_connector;
  task<net::any_stream> secure(net::any_stream s, std::string host) {
    secured.push_back(std::move(host));
    co_return std::move(s);
  }
  std::vector<std::string> secured;
};

}  // namespace

TEST_CASE("what goes through a proxy", "[http]") {
  const proxy_rules none;
  CHECK(proxy_of(none, "http://a/") == "none");
  const proxy_rules all("http://p:3128", "localhost, .corp.example, other.example:8080, 10.0.0.0/8, ::1, [fd00::1]:81");
  CHECK(proxy_of(all, "http://a/") == "p:3128");
  CHECK(proxy_of(all, "https://a/") == "p:3128");
  CHECK(proxy_of(all, "http+unix://%2Fx/") == "none");
  CHECK(proxy_of(all, "http://localhost:99/") == "none");
  CHECK(proxy_of(all, "http://corp.example/") == "none");
  CHECK(proxy_of(all, "http://a.CORP.example/") == "none");
  CHECK(proxy_of(all, "http://acorp.example/") == "p:3128");
  CHECK(proxy_of(all, "http://other.example/") == "p:3128");
  CHECK(proxy_of(all, "http://other.example:8080/") == "none");
  CHECK(proxy_of(all, "http://10.1.2.3/") == "none");
  CHECK(proxy_of(all, "http://11.1.2.3/") == "p:3128");
  CHECK(proxy_of(all, "http://[::1]/") == "none");
  CHECK(proxy_of(all, "http://[fd00::1]:81/") == "none");
  CHECK(proxy_of(all, "http://[fd00::1]/") == "p:3128");
  CHECK(proxy_of(proxy_rules("http://p", "*"), "http://a/") == "none");
  CHECK(proxy_of(proxy_rules("me:secret@p:1"), "http://a/") == "p:1 auth");
  CHECK_THROWS_AS(proxy_rules("https://p"), std::invalid_argument);
  CHECK_THROWS_AS(proxy_rules("socks5://p"), std::invalid_argument);
}

TEST_CASE("proxies of the environment", "[http]") {
  {
    const environment here({{"http_proxy", "p:1"}, {"HTTPS_PROXY", "http://q:2"}, {"NO_PROXY", "b"}});
    const proxy_rules rules = proxy_rules::from_environment();
    CHECK(proxy_of(rules, "http://a/") == "p:1");
    CHECK(proxy_of(rules, "https://a/") == "q:2");
    CHECK(proxy_of(rules, "http://b/") == "none");
  }
  const environment forged(environment::values(1, {"HTTP_PROXY", "evil:1"}));
  CHECK(proxy_of(proxy_rules::from_environment(), "http://a/") == "none");
}

TASK_TEST("a proxy is asked for whole URLs, and its connections are shared", "[http]") {
  nursery n;
  http::testing::canned_connector there(n);
  there.answer(ok("1")).answer(ok("2"));
  const auto body = [&](http::client& web) -> task<> {
    web.proxies(proxy_rules("http://me:secret@p:3128"));
    for (const std::string_view url : {"http://a/x", "http://b:81/y"}) {
      http::client_response rs = co_await web.get(url);
      static_cast<void>(co_await rs.text());
    }
    CHECK(web.stats().connects == 1);
  };
  co_await with_answers(n, there, {}, body);
  CHECK(there.requests()[0].starts_with("GET http://a/x HTTP/1.1\r\nHost: a\r\nProxy-Authorization: Basic "));
  CHECK(there.requests()[1].starts_with("GET http://b:81/y HTTP/1.1\r\nHost: b:81\r\n"));
}

TASK_TEST("https goes through a tunnel, which alone has the proxy's credentials", "[http]") {
  nursery n;
  securing_connector there(n);
  there.answer("HTTP/1.1 200 Tunnel\r\n\r\n").answer(ok("one")).answer(ok("two"));
  there.answer("HTTP/1.1 407 Who\r\nContent-Length: 0\r\n\r\n");
  const auto body = [&]() -> task<> {
    http::client web(there);
    web.proxies(proxy_rules("http://me:secret@p:3128"));
    for (int i = 0; i < 2; ++i) {
      http::client_response rs = co_await web.get("https://a/x");
      static_cast<void>(co_await rs.text());
    }
    const auto fetch = [&]() -> task<> { static_cast<void>(co_await web.get("https://b:444/")); };
    const std::string refused = co_await fault_of(std::ref(fetch));
    CHECK(refused.find("wants a name and a password") != std::string::npos);
  };
  co_await n.run(std::ref(body));
  REQUIRE(there.requests().size() == 4);
  CHECK(there.requests()[0].starts_with("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\nProxy-Authorization: Basic "));
  CHECK(there.requests()[1].starts_with("GET /x HTTP/1.1\r\nHost: a\r\n"));
  CHECK(there.requests()[1].find("Proxy-") == std::string::npos);
  CHECK(there.requests()[3].starts_with("CONNECT b:444 HTTP/1.1\r\n"));
  CHECK(there.secured == std::vector<std::string>{"a"});
}

TASK_TEST("what a tunnel begins with is not lost", "[http]") {
  nursery n;
  http::testing::canned_connector there(n);
  there.answer_early("HTTP/1.1 100 C\r\n\r\nHTTP/1.1 200 \r\nContent-Length: 3\r\n\r\nhello");
  const auto body = [&]() -> task<> {
    net::any_stream proxy = co_await there.connect({});
    net::any_stream tunnel = co_await http::connect_tunnel(std::move(proxy), "a:25");
    const buffer_lease got = co_await tunnel.read_some();
    CHECK(std::string_view(reinterpret_cast<const char*>(got.data()), got.size()) == "hello");
  };
  co_await n.run(std::ref(body));
  CHECK(there.requests()[0] == "CONNECT a:25 HTTP/1.1\r\nHost: a:25\r\n\r\n");
}
