// SPDX-License-Identifier: MIT
#include <chrono>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/callback/call_later.hpp>
#include <wring/core/callback/start_deferred.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/sleep.hpp>
#include <wring/core/testing/task_test.hpp>
#include <wring/net/callback/connection_error.hpp>
#include <wring/net/memory_stream.hpp>
#include <wring/protocols/http/content/seal_keys.hpp>
#include <wring/protocols/http/content/session.hpp>
#include <wring/protocols/http/status.hpp>
#include <wring/protocols/http/web/data.hpp>
#include <wring/protocols/http/web/name_virtual_host.hpp>
#include <wring/protocols/http/web/tree.hpp>

#include "../http_support.hpp"
#include "web_support.hpp"

using namespace std::chrono_literals;
using namespace wring;
using namespace wring::tests;
using web::rendered;

namespace {

rendered paths(web::request& rq) { return joined(rq.prepath()) + "|" + joined(rq.postpath()); }

/// Makes its children from the path.
class numbers final : public web::resource {
 public:
  [[nodiscard]] std::shared_ptr<web::resource> child(std::string_view segment, web::request&) override {
    if (segment == "none") return nullptr;
    return rendering([name = std::string(segment)](web::request&) -> rendered { return name; }, false);
  }
};

template <class F>
http::router only(F f) {
  auto root = std::make_shared<web::resource>();
  root->put_child("", rendering(std::move(f)));
  return web::site(root);
}

}  // namespace

TASK_TEST("a tree is walked by the segments of the path", "[http]") {
  auto root = std::make_shared<web::resource>();
  auto sub = std::make_shared<web::resource>();
  root->put_child("", rendering(paths));
  root->put_child("sub", sub);
  root->put_child("numbers", std::make_shared<numbers>());
  sub->put_child("", rendering(paths));
  sub->put_child("leaf", rendering(paths));
  sub->put_child("branch", rendering(paths, false));
  sub->put_child("data", std::make_shared<web::data>("bytes", "x/y"));
  sub->put_child("a/b", rendering(paths));
  root->put_child("away", std::make_shared<web::redirect>("/elsewhere"));
  const http::router r = web::site(root);
  std::string got;
  struct row {
    const char* path;
    const char* answer;
  };
  for (const row& each : {row{"/", "[]|"}, row{"/sub/", "[sub][]|"}, row{"/sub/leaf", "[sub][leaf]|"},
                          row{"/sub/leaf/x/y%2fz", "[sub][leaf]|[x][y/z]"}, row{"/sub/branch", "[sub][branch]|"},
                          row{"/sub/a%2Fb", "[sub][a/b]|"}, row{"/sub/data", "bytes"}, row{"/numbers/17", "17"}}) {
    CAPTURE(each.path);
    got = co_await answers(r, asking(each.path));
    CHECK(statuses(got) == "200");
    CHECK(body_of(got) == each.answer);
  }
  for (const char* path : {"/none", "/sub/none", "/sub/branch/x", "/sub/data/x", "/numbers/none", "/sub/a/b"}) {
    CAPTURE(path);
    got = co_await answers(r, asking(path));
    CHECK(statuses(got) == "404");
  }
  got = co_await answers(r, asking("/sub"));
  CHECK(statuses(got) == "405");
  got = co_await answers(r, asking("/sub/leaf", "DELETE"));
  CHECK(statuses(got) == "405");
  CHECK(got.find("Allow: GET, HEAD, POST\r\n") != std::string::npos);
  got = co_await answers(r, asking("/sub/data", "HEAD"));
  CHECK(got.find("Content-Length: 5\r\n") != std::string::npos);
  CHECK(body_of(got).empty());
  got = co_await answers(r, asking("/away/x"));
  CHECK(statuses(got) == "302");
  CHECK(got.find("Location: /elsewhere\r\n") != std::string::npos);
}

TASK_TEST("what a request brings", "[http]") {
  const http::router r = only([](web::request& rq) -> rendered {
    std::string all;
    for (const std::string_view each : rq.args("a")) all.append(each).append(";");
    return all + rq.content() + "|" + std::string(rq.method()) + "|" + std::string(rq.uri()) + "|" +
           std::string(rq.cookie("c").value_or("-"));
  });
  std::string got;
  got = co_await answers(r,
                         "POST /?a=1&a=%32 HTTP/1.1\r\nHost: a\r\nCookie: c=d\r\nContent-Length: 3\r\n"
                         "Content-Type: application/x-www-form-urlencoded\r\n\r\na=3");
  CHECK(body_of(got) == "1;2;3;a=3|POST|/?a=1&a=%32|d");
  got = co_await answers(r, asking("/?a=%zz"));
  CHECK(statuses(got) == "400");
}

TASK_TEST("an answer may come later, by callbacks, a deferred or a coroutine", "[http]") {
  std::string got;
  got = co_await answers(only([](web::request& rq) -> rendered {
                           rq.set_response_code(202);
                           call_later(1s, [held = rq.shared_from_this()] {
                             held->write("one ");
                             call_later(1s, [held] {
                               held->write("two");
                               held->finish();
                             });
                           });
                           return web::not_done_yet;
                         }),
                         asking("/"), {.half_close_grace = forever});
  CHECK(statuses(got) == "202");
  CHECK(body_of(got) == "4\r\none \r\n3\r\ntwo\r\n0\r\n\r\n");
  const auto slow = [](std::shared_ptr<web::request> rq) -> task<> {
    co_await sleep_for(1s);
    rq->write("slow");
  };
  got = co_await answers(
      only([slow](web::request& rq) -> rendered { return start_deferred(slow, rq.shared_from_this()); }), asking("/"),
      {.half_close_grace = forever});
  CHECK(body_of(got) == "4\r\nslow\r\n0\r\n\r\n");
  // Failures: those that say a status, and others.
  got = co_await answers(only([](web::request&) -> rendered { throw http::status_error(418); }), asking("/"));
  CHECK(statuses(got) == "418");
  got = co_await answers(only([](web::request&) -> rendered {
                           deferred_source<> source;
                           deferred<> d = source.get();
                           source.errback(http::status_error(409));
                           return rendered(std::move(d));
                         }),
                         asking("/"));
  CHECK(statuses(got) == "409");
  const auto fails = [](std::shared_ptr<web::request> rq) -> task<> {
    rq->write("begun");
    co_await sleep_for(1s);
    throw std::runtime_error("late");
  };
  got = co_await answers(
      only([fails](web::request& rq) -> rendered { return start_deferred(fails, rq.shared_from_this()); }), asking("/"),
      {.half_close_grace = forever});
  CHECK(body_of(got) == "5\r\nbegun\r\n");
}

TASK_TEST("who waits for the end learns it, also that the client has gone", "[http]") {
  std::string told;
  std::shared_ptr<web::request> kept;
  const auto note = [&](web::request& rq) {
    rq.notify_finish().add_callback([&] { told += "done;"; }).add_errback([&](const failure& f) {
      told += f.check<net::connection_aborted>() ? "gone;" : "?";
    });
    kept = rq.shared_from_this();
  };
  std::string got = co_await answers(only([&](web::request& rq) -> rendered {
                                       note(rq);
                                       return "x";
                                     }),
                                     asking("/"));
  CHECK(told == "done;");
  CHECK(kept->over());
  CHECK_THROWS_AS(kept->underlying(), std::logic_error);
  CHECK_THROWS_AS(kept->finish(), std::logic_error);

  // A client that goes: the deferred of the answer is cancelled, a producer told to stop, and what is written dropped.
  struct counting final : net::producer {
    void resume_producing() override { log += "resume;"; }
    void pause_producing() override { log += "pause;"; }
    void stop_producing() override { log += "stop;"; }
    std::string log;
  } producer;
  told.clear();
  const http::router r = only([&](web::request& rq) -> rendered {
    note(rq);
    rq.register_producer(producer, net::production::push);
    rq.write(std::string(70'000, 'x'));
    deferred_source<> never([&](deferred_source<>&) { told += "cancelled;"; });
    deferred<> d = never.get();
    d.add_errback([held = std::make_shared<deferred_source<>>(std::move(never))](failure f) { f.raise(); });
    return rendered(std::move(d));
  });
  auto [client, server] = net::make_memory_stream_pair({.capacity = 1000});
  co_await with_nursery([&](nursery& n) -> task<> {
    n.start(http::serve_connection, net::stream_ref(server), std::cref(r), http::server_limits());
    co_await client.write_all(asking("/"));
    const buffer_lease first = co_await client.read_some();
    CHECK(producer.log == "pause;");
    client.abort();
  });
  CHECK(told.find("cancelled;") != std::string::npos);
  CHECK(told.find("gone;") != std::string::npos);
  CHECK(producer.log == "pause;stop;");
  kept->write("dropped");
  std::string late;
  kept->notify_finish().add_errback([&](const failure&) { late = "gone"; });
  CHECK(late == "gone");
}

TASK_TEST("producers write as fast as the client takes it, and writing without one is bounded", "[http]") {
  struct pulled final : net::producer {
    void resume_producing() override {
      if (left-- == 0) {
        to->unregister_producer();
        to->finish();
        return;
      }
      to->write(std::string(10'000, 'x'));
    }
    void stop_producing() override {}
    std::shared_ptr<web::request> to;
    int left = 30;
  } producer;
  std::string got =
      co_await answers(only([&](web::request& rq) -> rendered {
                         producer.to = rq.shared_from_this();
                         rq.register_producer(producer, net::production::pull);
                         CHECK_THROWS_AS(rq.register_producer(producer, net::production::pull), std::logic_error);
                         return web::not_done_yet;
                       }),
                       asking("/"), {.half_close_grace = forever}, {.capacity = 5000});
  producer.to.reset();
  CHECK(got.size() > 300'000);
  CHECK(got.ends_with("\r\n0\r\n\r\n"));
  got = co_await answers(web::site(rendering([](web::request& rq) -> rendered {
                                     rq.write(std::string(99, 'x'));
                                     rq.write("x");
                                     CHECK_THROWS_AS(rq.write("x"), std::length_error);
                                     return "";
                                   }),
                                   {.content = 10, .write = 100}),
                         asking("/"));
  CHECK(body_of(got) == std::string(100, 'x'));
  got = co_await answers(web::site(rendering(paths), {.content = 10}),
                         "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n01234567890");
  CHECK(statuses(got) == "413");
}

TASK_TEST("a tree for each host", "[http]") {
  auto hosts = std::make_shared<web::name_virtual_host>();
  const auto saying = [](std::string text) {
    return rendering([text](web::request& rq) -> rendered { return text + joined(rq.prepath()); });
  };
  hosts->add_host("one.example", saying("one"));
  auto two = std::make_shared<web::resource>();
  two->put_child("x", saying("two"));
  hosts->add_host("two.example", two);
  const http::router r = web::site(hosts);
  std::string got;
  got = co_await answers(r, asking("/a/b", "GET", "ONE.example:80"));
  CHECK(body_of(got) == "one[a]");
  got = co_await answers(r, asking("/x", "GET", "two.example"));
  CHECK(body_of(got) == "two[x]");
  got = co_await answers(r, asking("/", "GET", "three.example"));
  CHECK(statuses(got) == "404");
  hosts->set_default(saying("other"));
  got = co_await answers(r, asking("/", "GET", "three.example"));
  CHECK(body_of(got) == "other[]");
}

TASK_TEST("a request has its session, and may go on with another protocol", "[http]") {
  const http::seal_keys keys{"a secret of at least so many bytes"};
  http::router r;
  r.fallback(web::tree(rendering([](web::request& rq) -> rendered { return rq.session().get("x").value_or("none"); })));
  std::string got = co_await answers(r, asking("/"));
  CHECK(statuses(got) == "500");
  http::router with;
  with.use(http::sessions(keys));
  with.fallback(web::tree(rendering([](web::request& rq) -> rendered {
    const std::string before = rq.session().get("x").value_or("none");
    rq.session().set("x", "kept");
    return before;
  })));
  got = co_await answers(with, asking("/"));
  CHECK(body_of(got) == "none");
  const std::size_t at = got.find("Set-Cookie: ") + 12;
  const std::string cookie = got.substr(at, got.find(';', at) - at);
  got = co_await answers(with, "GET / HTTP/1.1\r\nHost: a\r\nCookie: " + cookie + "\r\n\r\n");
  CHECK(body_of(got) == "kept");

  std::string told;
  const auto upgrade = [&](web::request& rq) -> task<> {
    rq.notify_finish().add_callback([&] { told = "done"; });
    net::any_stream peer = co_await rq.response().upgrade("echo");
    const buffer_lease said = co_await peer.read_some();
    co_await peer.write_all(said);
  };
  got = co_await answers(
      web::site(rendering([&](web::request& rq) -> rendered { return [&upgrade, &rq] { return upgrade(rq); }; })),
      "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: echo\r\nConnection: upgrade\r\n\r\nhello");
  CHECK(statuses(got) == "101");
  CHECK(body_of(got) == "hello");
  CHECK(told == "done");
}

TASK_TEST("resources render other methods", "[http]") {
  class more final : public web::resource {
   public:
    [[nodiscard]] bool is_leaf() const override { return true; }
    [[nodiscard]] rendered render_patch(web::request&) override { return "patched"; }
    [[nodiscard]] rendered render_options(web::request&) override { return "anything"; }
  };
  const http::router r = web::site(std::make_shared<more>());
  std::string got = co_await answers(r, asking("/", "PATCH") + asking("/", "OPTIONS") + asking("/", "LOCK"));
  CHECK(statuses(got) == "200 200 405");
}
