// SPDX-License-Identifier: MIT
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/nursery.hpp>
#include <wring/core/sleep.hpp>
#include <wring/core/testing/cancel_everywhere.hpp>
#include <wring/core/testing/task_test.hpp>
#include <wring/net/copy.hpp>
#include <wring/net/memory_stream.hpp>
#include <wring/protocols/http/status.hpp>
#include <wring/protocols/http/testing/router_connector.hpp>
#include <wring/protocols/http/web/data.hpp>
#include <wring/protocols/http/web/file.hpp>
#include <wring/protocols/http/web/name_virtual_host.hpp>
#include <wring/protocols/http/web/reverse_proxy_resource.hpp>
#include <wring/protocols/http/web/tree.hpp>

#include "../http_support.hpp"
#include "support/temporary_folder.hpp"
#include "web_support.hpp"

using namespace std::chrono_literals;
using namespace wring;
using namespace wring::tests;
using web::rendered;

namespace {

/// Sends a body back while it comes.
class echoes final : public web::resource {
 public:
  [[nodiscard]] bool is_leaf() const override { return true; }
  [[nodiscard]] bool streams_body() const override { return true; }
  [[nodiscard]] rendered render_post(web::request& rq) override {
    return [this, &rq] { return echo(rq); };
  }
  [[nodiscard]] rendered render_put(web::request& rq) override { return rq.content(); }

 private:
  task<> echo(web::request& rq) {
    rq.notify_finish().add_both([&](const auto&...) { ++ended; });
    static_cast<void>(co_await net::copy(rq.underlying().body(), rq.response()));
  }

 public:
  int ended = 0;
};

}  // namespace

TASK_TEST("a resource that streams reads the body and answers while it comes", "[http]") {
  const auto root = std::make_shared<echoes>();
  const http::router r = web::site(root, {.content = 1});
  auto [client, server] = net::make_memory_stream_pair();
  co_await with_nursery([&](nursery& n) -> task<> {
    n.start(http::serve_connection, net::stream_ref(server), std::cref(r), http::server_limits());
    co_await client.write_all("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    std::string got;
    for (const std::string_view word : {"one", "two", "end"}) {
      co_await client.write_all("3\r\n" + std::string(word) + "\r\n");
      while (!got.ends_with("3\r\n" + std::string(word) + "\r\n")) {
        const buffer_lease piece = co_await client.read_some();
        REQUIRE(!piece.empty());
        got.append(reinterpret_cast<const char*>(piece.data()), piece.size());
      }
    }
    CHECK(root->ended == 0);
    co_await client.write_all("0\r\n\r\n");
    while (!got.ends_with("\r\n0\r\n\r\n")) {
      const buffer_lease piece = co_await client.read_some();
      REQUIRE(!piece.empty());
      got.append(reinterpret_cast<const char*>(piece.data()), piece.size());
    }
    CHECK(root->ended == 1);
    // A client that goes within the body.
    co_await client.write_all("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nab");
    const buffer_lease begun = co_await client.read_some();
    CHECK(!begun.empty());
    client.abort();
  });
  CHECK(root->ended == 2);
  // It has no content, and a body that is asked for after all was not read.
  std::string got = co_await answers(r, "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx");
  CHECK(statuses(got) == "500");
}

TEST_CASE("a resource that streams is cancelled anywhere", "[http]") {
  const auto everything = []() -> task<> {
    const auto root = std::make_shared<echoes>();
    const http::router r = web::site(root);
    const std::string got =
        co_await answers(r, posting(std::string(3000, 'x')), {.half_close_grace = forever}, {.capacity = 500});
    CHECK(root->ended <= 1);
    CHECK((got.empty() || root->ended == 1));
  };
  CHECK(wring::testing::cancel_everywhere(everything) > 8);
}

TASK_TEST("a task answers by the response, and nothing is written beside it", "[http]") {
  std::string told;
  const auto with = [](auto work) {
    return web::site(rendering([work](web::request& rq) -> rendered { return [work, &rq] { return work(rq); }; }));
  };
  std::string got = co_await answers(with([&](web::request& rq) -> task<> {
                                       co_await sleep_for(1s);
                                       CHECK_THROWS_AS(rq.write("x"), std::logic_error);
                                       CHECK_THROWS_AS(rq.finish(), std::logic_error);
                                       rq.set_response_code(202);
                                       rq.response().text(rq.content());
                                     }),
                                     posting("said"), {.half_close_grace = forever});
  CHECK(statuses(got) == "202");
  CHECK(body_of(got) == "said");
  got = co_await answers(with([&](web::request& rq) -> task<> {
                           co_await sleep_for(1s);
                           rq.redirect("/there");
                         }),
                         asking("/"), {.half_close_grace = forever});
  CHECK(statuses(got) == "302");
  got = co_await answers(with([](web::request&) -> task<> {
                           co_await sleep_for(1s);
                           throw http::status_error(418);
                         }),
                         asking("/"), {.half_close_grace = forever});
  CHECK(statuses(got) == "418");
  // It is cancelled with its client.
  got = co_await answers(with([&](web::request& rq) -> task<> {
                           rq.notify_finish().add_errback([&](const failure&) { told += "gone"; });
                           co_await sleep_for(1h);
                         }),
                         asking("/"));
  CHECK(told == "gone");
  CHECK(got.empty());
}

TASK_TEST("the body is read once the resource is found", "[http]") {
  class looks final : public web::resource {
   public:
    [[nodiscard]] std::shared_ptr<web::resource> child(std::string_view, web::request& rq) override {
      CHECK_THROWS_AS(rq.content(), std::logic_error);
      CHECK(rq.args("a").size() == 1);
      return rendering([](web::request& r) -> rendered { return std::to_string(r.args("a").size()) + r.content(); });
    }
  };
  std::string got =
      co_await answers(web::site(std::make_shared<looks>()),
                       "POST /x?a=1 HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\n"
                       "Content-Length: 3\r\n\r\na=2");
  CHECK(body_of(got) == "2a=2");
  // Nobody waits for the body of a request that leads nowhere.
  got = co_await answers(web::site(std::make_shared<web::resource>()),
                         "POST /x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  CHECK(statuses(got) == "404");
}

TASK_TEST_WITH("a directory in a tree", "[http][files][real_fd]", .real_time = true) {
  const temporary_folder f;
  std::filesystem::create_directories(f / "www/sub");
  std::ofstream(f / "secret") << "secret";
  std::ofstream(f / "www/a b.txt") << "0123456789";
  std::ofstream(f / "www/index.html") << "<p>top</p>";
  std::ofstream(f / "www/sub/index.html") << "<p>sub</p>";
  std::ofstream(f / "www/sub/deep.txt") << "deep";
  auto www = co_await net::open_directory(f / "www");
  const auto files = std::make_shared<web::file>(http::static_files(std::move(www)).index("index.html"));
  files->put_child("made", std::make_shared<web::data>("made", "x/y"));
  const auto top = std::make_shared<web::resource>();
  top->put_child("s", files);
  top->put_child("one", std::make_shared<web::file>(f / "www/sub/deep.txt"));
  struct row {
    std::string_view path;
    std::string_view status;
    std::string_view body;
  };
  std::string got;
  for (const std::string_view root : {"", "/s"}) {
    const http::router r = web::site(root.empty() ? std::static_pointer_cast<web::resource>(files) : top);
    for (const row& each :
         {row{"/", "200", "<p>top</p>"}, row{"/a%20b.txt", "200", "0123456789"}, row{"/sub/", "200", "<p>sub</p>"},
          row{"/sub/deep.txt", "200", "deep"}, row{"/made", "200", "made"}, row{"/sub/../made", "200", "made"},
          row{"/sub", "308", ""}, row{"/none", "404", ""}, row{"/sub%2Fdeep.txt", "404", ""},
          row{"/sub/x%2f..%2fdeep.txt", "404", ""}, row{"/%2e%2e/secret", "404", ""}, row{"/..%2fsecret", "404", ""},
          row{"//sub/deep.txt", "404", ""}, row{"/sub//deep.txt", "404", ""}, row{"/made/x", "404", ""},
          row{"/a%20b.txt/", "404", ""}}) {
      CAPTURE(root, each.path);
      got = co_await answers(r, asking(std::string(root).append(each.path)), {.half_close_grace = forever});
      CHECK(statuses(got) == each.status);
      if (each.status == "200") CHECK(body_of(got) == each.body);
    }
  }
  const http::router r = web::site(top);
  const auto ask = [&r](std::string request) { return answers(r, std::move(request), {.half_close_grace = forever}); };
  got = co_await ask(asking("/s?q"));
  CHECK(statuses(got) == "308");
  CHECK(got.find("Location: ./s/?q\r\n") != std::string::npos);
  got = co_await ask(asking("/s/sub"));
  CHECK(got.find("Location: ./sub/\r\n") != std::string::npos);
  got = co_await ask("GET /s/a%20b.txt HTTP/1.1\r\nHost: a\r\nRange: bytes=2-4\r\n\r\n");
  CHECK(statuses(got) == "206");
  CHECK(body_of(got) == "234");
  got =
      co_await ask("GET /s/a%20b.txt HTTP/1.1\r\nHost: a\r\nIf-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT\r\n\r\n");
  CHECK(statuses(got) == "304");
  got = co_await ask(asking("/s/a%20b.txt", "HEAD"));
  CHECK(got.find("Content-Length: 10\r\n") != std::string::npos);
  CHECK(body_of(got).empty());
  got = co_await ask(posting("x", "/s/a%20b.txt"));
  CHECK(statuses(got) == "405");
  CHECK(got.find("Allow: GET, HEAD\r\n") != std::string::npos);
  got = co_await ask(asking("/one"));
  CHECK(body_of(got) == "deep");
  got = co_await ask(asking("/one/x"));
  CHECK(statuses(got) == "404");
}

TASK_TEST("another server in a tree of resources", "[http]") {
  http::router backend;
  backend.fallback([](http::request& rq, http::response& rs) -> task<> {
    const std::string body = co_await rq.body().text();
    rs.text(std::string(rq.method_text()) + " " + std::string(rq.target()) + " " +
            std::string(rq.header("host").value_or("")) + " " + body);
  });
  nursery n;
  http::testing::router_connector there(n, backend);
  const auto body = [&]() -> task<> {
    http::client client(there);
    const auto shop = std::make_shared<web::reverse_proxy_resource>(client, "http://backend:81/v2");
    shop->put_child("own", std::make_shared<web::data>("own", "x/y"));
    const auto root = std::make_shared<web::resource>();
    const auto inner = std::make_shared<web::resource>();
    root->put_child("a b", inner);
    inner->put_child("shop", shop);
    root->put_child("fixed", std::make_shared<web::reverse_proxy_resource>(
                                 client, "http://backend/", http::forward_hooks{.path = [](const http::request&) {
                                   return std::string("/always");
                                 }}));
    const auto hosts = std::make_shared<web::name_virtual_host>();
    hosts->add_host("front", root);
    hosts->add_host("behind", std::make_shared<web::reverse_proxy_resource>(client, "http://backend"));
    const http::router routes = web::site(hosts);
    struct row {
      std::string_view path;
      std::string_view answer;
    };
    for (const row& each :
         {row{"/a%20b/shop", "GET /v2 backend:81 "}, row{"/a%20b/shop/", "GET /v2/ backend:81 "},
          row{"/a%20b/shop/cart/x%2Fy;z?id=3", "GET /v2/cart/x%2Fy;z?id=3 backend:81 "},
          row{"/a%20b/shop//x", "GET /v2//x backend:81 "}, row{"/a%20b/shop/x/%2e%2E/y", "GET /v2/y backend:81 "},
          row{"/a%20b/shop/own", "own"}, row{"/fixed/x?y", "GET /always?y backend "}}) {
      CAPTURE(each.path);
      const std::string got = co_await answers(routes, asking(each.path, "GET", "front"));
      CHECK(statuses(got) == "200");
      CHECK(got.substr(got.find("\r\n\r\n") + 4) == each.answer);
    }
    std::string got = co_await answers(routes, asking("/x/y", "GET", "behind"));
    CHECK(got.ends_with("GET /x/y backend "));
    got = co_await answers(routes, "PUT /a%20b/shop/x HTTP/1.1\r\nHost: front\r\nContent-Length: 4\r\n\r\nbody");
    CHECK(got.ends_with("PUT /v2/x backend:81 body"));
    CHECK_THROWS_AS(web::reverse_proxy_resource(client, "ftp://x"), std::invalid_argument);
  };
  co_await n.run(std::ref(body));
}
