// SPDX-License-Identifier: MIT
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/callback/call_later.hpp>
#include <wring/core/callback/deferred_error.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/sleep.hpp>
#include <wring/core/testing/cancel_everywhere.hpp>
#include <wring/core/testing/task_test.hpp>
#include <wring/protocols/http/client/detail/text_source.hpp>
#include <wring/protocols/http/testing/canned_connector.hpp>
#include <wring/protocols/http/testing/router_connector.hpp>
#include <wring/protocols/http/web/agent.hpp>

#include "../client/client_support.hpp"
#include "../http_support.hpp"

using namespace std::chrono_literals;
using namespace wring;
using namespace wring::tests;
using http::testing::canned_connector;

namespace {

using answer = web::agent::answer;

/// Runs `body(agent, client)` against what `there` answers; what is still under way at its end is cancelled.
template <class Body>
task<> with_agent(net::connector auto& there, nursery& served, Body body, http::client_limits limits = {}) {
  const auto work = [&]() -> task<> {
    http::client client(there, limits);
    nursery n;
    const web::agent agent(client, n);
    const auto run = [&]() -> task<> {
      co_await body(agent, client);
      n.cancel();
    };
    co_await n.run(std::ref(run));
  };
  co_await served.run(std::ref(work));
}

/// What a failed deferred says.
template <class T>
void note(deferred<T> d, std::string& to) {
  std::move(d).add_both([&to](const auto& outcome) {
    if constexpr (std::is_same_v<std::decay_t<decltype(outcome)>, failure>) {
      to += outcome.type_name() + ";";
    } else {
      to += "fired;";
    }
  });
}

/// Notes what it is told.
struct receiver : net::protocol {
  void connection_made() override { log += "made;"; }
  void data_received(std::span<const std::byte> data) override {
    text += text_of(data);
    if (then) then(*this);
  }
  void connection_lost(const failure& why) override {
    log += why.type_name() + ";";
    reason = why;
  }
  std::string log;
  std::string text;
  std::optional<failure> reason;
  std::function<void(receiver&)> then;
};

const std::string done = "made;wring::web::response_done;";
const std::string cut_off = "made;wring::web::response_failed;";

}  // namespace

TASK_TEST("an agent asks, and the answer is read", "[http]") {
  nursery n;
  canned_connector there(n);
  there.answer(ok("page", "X: y\r\n")).answer("HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n").answer(ok("kept"));
  co_await with_agent(there, n, [&](const web::agent& agent, http::client& client) -> task<> {
    http::client_request q("POST", "http://a/x");
    q.header("X", "1").body("sent", "text/plain");
    std::string page;
    agent.request(q)
        .add_callback([](answer rs) {
          CHECK(rs->code() == 200);
          CHECK(rs->phrase() == "OK");
          CHECK(rs->header("x") == "y");
          CHECK(rs->headers().find("x") == "y");
          CHECK(rs->length() == 4);
          CHECK(rs->url().to_string() == "http://a/x");
          return web::read_body(rs);
        })
        .add_callback([&](std::string text) { page = std::move(text); });
    co_await sleep_for(1s);
    CHECK(page == "page");
    CHECK(there.requests().at(0).starts_with("POST /x HTTP/1.1\r\n"));
    CHECK(there.requests().at(0).ends_with("\r\n\r\nsent"));
    // Any status is an answer.
    const answer none = co_await agent.request({"GET", "http://a/none"});
    CHECK(none->code() == 404);
    // A source is the body.
    const answer kept = co_await agent.request({"PUT", "http://a/kept"}, http::detail::text_source("from a source"));
    CHECK(there.requests().at(2).ends_with("from a source"));
    page = co_await web::read_body(kept);
    CHECK(page == "kept");
    CHECK_THROWS_AS(web::read_body(kept), std::logic_error);
    CHECK(kept->code() == 200);
    CHECK(client.stats().connects == 1);
  });
}

TASK_TEST("a body is delivered to a protocol, which learns how it has ended", "[http]") {
  struct row {
    std::string answer;
    std::string text;
    std::string log;
  };
  const std::string head = "HTTP/1.1 200 OK\r\n";
  for (const row& each : {row{ok("body"), "body", done}, row{ok(""), "", done},
                          row{head + "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n", "abc", done},
                          row{head + "\r\nuntil the end", "until the end", "made;wring::web::potential_data_loss;"},
                          row{head + "Content-Length: 9\r\n\r\nbegun", "begun", cut_off},
                          row{head + "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\nx", "ab", cut_off}}) {
    CAPTURE(each.answer);
    nursery n;
    canned_connector there(n, {.capacity = 3});
    there.answer_and_close(each.answer);
    const auto to = std::make_shared<receiver>();
    co_await with_agent(there, n, [&](const web::agent& agent, http::client& client) -> task<> {
      const answer rs = co_await agent.request({"GET", "http://a/"});
      rs->deliver_body(to);
      CHECK(to->log.starts_with("made;"));  // what has come already is delivered at once
      CHECK_THROWS_AS(rs->deliver_body(to), std::logic_error);
      co_await sleep_for(1s);
      CHECK(to->text == each.text);
      CHECK(to->log == each.log);
      CHECK(client.stats().connections == 0);
      if (each.log == cut_off) {
        CHECK_THROWS_AS(rs->headers(), std::logic_error);
        CHECK(to->reason->get_if<web::response_failed>()->reason().check<net::connection_lost_error>());
      } else {
        CHECK(rs->headers().size() <= 1);
      }
    });
  }
}

TASK_TEST("reading a body fails where it is not known to be whole", "[http]") {
  nursery n;
  canned_connector there(n);
  const std::string head = "HTTP/1.1 200 OK\r\n";
  there.answer_and_close(head + "\r\nuntil the end").answer_and_close(head + "Content-Length: 9\r\n\r\nbegun");
  there.answer(ok("too long")).answer(ok("whole"));
  co_await with_agent(there, n, [&](const web::agent& agent, http::client& client) -> task<> {
    answer rs = co_await agent.request({"GET", "http://a/"});
    try {
      const std::string text = co_await web::read_body(rs);
      FAIL(text);
    } catch (const web::partial_download_error& e) {
      CHECK(e.status() == 200);
      CHECK(e.body() == "until the end");
    }
    std::string said;
    std::size_t limit = 1000;
    const auto read = [&]() -> task<> { static_cast<void>(co_await web::read_body(rs, limit)); };
    rs = co_await agent.request({"GET", "http://a/"});
    said = co_await fault_of(std::ref(read));
    CHECK(said.find("the stream ended too early, after 5 bytes") != std::string::npos);
    rs = co_await agent.request({"GET", "http://a/"});
    limit = 7;
    said = co_await fault_of(std::ref(read));
    CHECK(said.find("7") != std::string::npos);
    rs = co_await agent.request({"GET", "http://a/"});
    said = co_await web::read_body(rs, 5);
    CHECK(said == "whole");
    CHECK(client.stats().connections == 1);
  });
}

TASK_TEST("a receiver pauses, stops and fails", "[http]") {
  nursery n;
  canned_connector there(n, {.capacity = 10});
  const std::string head = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n";
  const std::string half(50, 'x');
  for (int i = 0; i < 4; ++i) there.answer(head + half);
  there.answer(ok(half));
  there.answer(ok(half));
  co_await with_agent(there, n, [&](const web::agent& agent, http::client& client) -> task<> {
    const auto deliver = [&](std::function<void(receiver&)> then) -> task<std::shared_ptr<receiver>> {
      const answer rs = co_await agent.request({"GET", "http://a/"});
      auto to = std::make_shared<receiver>();
      to->then = std::move(then);
      rs->deliver_body(to);
      co_await sleep_for(1s);
      co_return to;
    };
    std::shared_ptr<receiver> to = co_await deliver([](receiver& r) { r.transport().lose_connection(); });
    CHECK(to->log == cut_off);
    CHECK(to->text.size() < 50);
    CHECK(to->reason->get_if<web::response_failed>()->reason().check<net::connection_done>());
    CHECK(client.stats().connections == 0);
    to = co_await deliver([](receiver& r) { r.transport().abort_connection(); });
    CHECK(to->log == cut_off);
    CHECK(to->reason->get_if<web::response_failed>()->reason().check<net::connection_aborted>());
    CHECK(client.stats().connections == 0);
    to = co_await deliver([](receiver&) { throw std::runtime_error("in a callback"); });
    CHECK(to->log == "made;std::runtime_error;");
    CHECK(client.stats().connections == 0);
    // The rest never comes: that is told when the nursery ends.
    const auto waits = co_await deliver({});
    CHECK(waits->log == "made;");
    CHECK(client.stats().connections == 1);
    // Paused after each piece, for a while; and what it writes is dropped.
    to = co_await deliver([](receiver& r) {
      r.transport().write("dropped");
      r.transport().pause_producing();
      call_later(2s, [t = &r.transport()] { t->resume_producing(); });
    });
    CHECK(to->log == "made;");
    const std::size_t before = to->text.size();
    CHECK(before < 50);
    co_await sleep_for(1h);
    CHECK(to->text == half);
    CHECK(to->log == done);
    // One that ends it when it has all is told that it has all.
    to = co_await deliver([&](receiver& r) {
      if (r.text.size() == half.size()) r.transport().lose_connection();
    });
    CHECK(to->log == done);
    CHECK(client.stats().idle == 1);
  });
}

TASK_TEST("a request that is cancelled ends, and so does its answer", "[http]") {
  nursery n;
  http::router routes;
  std::string seen;
  routes.get("/slow", [&](http::request&, http::response& rs) -> task<> {
    rs.status(200);
    co_await sleep_for(1h);
  });
  routes.get("/begun", [&](http::request&, http::response& rs) -> task<> {
    co_await rs.write_all("begun");
    co_await sleep_for(1h);
  });
  http::testing::router_connector there(n, routes);
  const auto to = std::make_shared<receiver>();
  std::string late;
  co_await with_agent(there, n, [&](const web::agent& agent, http::client& client) -> task<> {
    std::string told;
    deferred<answer> d = agent.request({"GET", "http://a/slow"});
    d.add_errback([&](const failure& f) -> answer {
      told = f.type_name();
      return nullptr;
    });
    co_await sleep_for(1s);
    CHECK(client.stats().connections == 1);
    d.cancel();
    co_await sleep_for(1s);
    CHECK(told == "wring::cancelled_error");
    CHECK(client.stats().connections == 0);
    const answer read = co_await agent.request({"GET", "http://a/begun"});
    deferred<std::string> body = web::read_body(read);
    body.add_errback([&](const failure& f) { return f.type_name(); });
    co_await sleep_for(1s);
    body.cancel();
    const std::string outcome = co_await std::move(body);
    CHECK(outcome == "wring::cancelled_error");
    CHECK(client.stats().connections == 0);
    // Nobody wants it.
    static_cast<void>(co_await agent.request({"GET", "http://a/begun"}));
    CHECK(client.stats().connections == 0);
    // What is under way at the nursery's end.
    const answer last = co_await agent.request({"GET", "http://a/begun"});
    last->deliver_body(to);
    note(agent.request({"GET", "http://a/slow"}), late);
    co_await sleep_for(1s);
    CHECK(to->text == "begun");
  });
  CHECK(to->log == cut_off);
  CHECK(late == "wring::cancelled_error;");
  // Nothing answers.
  nursery other;
  canned_connector nobody(other);
  co_await with_agent(nobody, other, [&](const web::agent& agent, http::client&) -> task<> {
    late.clear();
    note(agent.request({"GET", "http://a/"}), late);
    co_await sleep_for(1s);
    CHECK(late.find("io_error;") != std::string::npos);
    CHECK_THROWS_AS(agent.request({"GET", "http://a/"}, std::shared_ptr<web::body_producer>()), std::invalid_argument);
  });
}

namespace {

/// Writes pieces until it is paused, and all of them in the end.
struct numbers final : web::body_producer {
  numbers(int count, std::size_t size, std::optional<std::uint64_t> says = {})
      : left(count), piece(size, 'n'), said(says) {}

  [[nodiscard]] std::optional<std::uint64_t> length() const override { return said; }
  [[nodiscard]] deferred<> start_producing(net::consumer& c) override {
    to = &c;
    log += "start;";
    CHECK_THROWS_AS(to->register_producer(*this, net::production::push), std::logic_error);
    deferred<> d = done.get();
    go_on();
    return d;
  }
  void resume_producing() override {
    log += "resume;";
    paused = false;
    go_on();
  }
  void pause_producing() override {
    log += "pause;";
    paused = true;
  }
  void stop_producing() override {
    log += "stop;";
    left = -1;
  }
  void go_on() {
    while (!paused && left > 0) {
      --left;
      to->write(piece);
    }
    if (left == 0 && !std::exchange(fired, true)) {
      if (fails) {
        done.errback(std::runtime_error("no more"));
      } else {
        done.callback();
      }
    }
  }

  net::consumer* to = nullptr;
  deferred_source<> done;
  int left;
  std::string piece;
  std::optional<std::uint64_t> said;
  std::string log;
  bool paused = false;
  bool fired = false;
  bool fails = false;
};

}  // namespace

TASK_TEST("a producer writes the body of a request", "[http]") {
  http::router routes;
  routes.put("/", [](http::request& rq, http::response& rs) -> task<> {
    const auto length = rq.body().length();
    const std::string all = co_await rq.body().text();
    rs.text(std::to_string(all.size()) + (length ? " bytes" : " in chunks"));
  });
  routes.put("/early", [](http::request&, http::response& rs) -> task<> {
    co_await sleep_for(1s);
    rs.status(409);
  });
  nursery n;
  http::testing::router_connector there(n, routes, {}, {.capacity = 1000});
  const auto waits = std::make_shared<numbers>(3, 100'000);
  std::string late;
  co_await with_agent(there, n, [&](const web::agent& agent, http::client& client) -> task<> {
    const auto send = [&](std::shared_ptr<numbers> by) -> task<std::string> {
      const answer rs = co_await agent.request({"PUT", "http://a/"}, std::shared_ptr<web::body_producer>(by));
      const std::string text = co_await web::read_body(rs);
      co_return text;
    };
    std::string got = co_await send(std::make_shared<numbers>(3, 5));
    CHECK(got == "15 in chunks");
    got = co_await send(std::make_shared<numbers>(0, 5, 0));
    CHECK(got == "0 bytes");
    auto large = std::make_shared<numbers>(3, 100'000, 300'000);
    got = co_await send(large);
    CHECK(got == "300000 bytes");
    CHECK(large->log == "start;pause;resume;pause;resume;pause;");
    CHECK(client.stats().connects == 1);

    // It fails, or has another length than it has said, or is too fast.
    std::shared_ptr<numbers> sent;
    const auto sending = [&]() -> task<> { static_cast<void>(co_await send(sent)); };
    const auto fault = [&](std::shared_ptr<numbers> by) {
      sent = std::move(by);
      return fault_of(std::ref(sending));
    };
    auto bad = std::make_shared<numbers>(1, 5);
    bad->fails = true;
    got = co_await fault(bad);
    CHECK(got == "no more");
    got = co_await fault(std::make_shared<numbers>(2, 5, 9));
    CHECK(!got.empty());
    got = co_await fault(std::make_shared<numbers>(2, 5, 11));
    CHECK(!got.empty());
    got = co_await fault(std::make_shared<numbers>(1, 17 * 1024 * 1024));
    CHECK(got.find("16777216") != std::string::npos);

    // It is stopped when the answer comes before its end, and with the request.
    auto early = std::make_shared<numbers>(3, 100'000);
    const answer rs = co_await agent.request({"PUT", "http://a/early"}, std::shared_ptr<web::body_producer>(early));
    CHECK(rs->code() == 409);
    CHECK(early->log == "start;pause;resume;pause;stop;");
    note(agent.request({"PUT", "http://a/early"}, std::shared_ptr<web::body_producer>(waits)), late);
    co_await sleep_for(10ms);
    CHECK(waits->log == "start;pause;resume;pause;");
  });
  CHECK(waits->log == "start;pause;resume;pause;stop;");
  CHECK(late == "wring::cancelled_error;");
}

TEST_CASE("an agent's work is cancelled anywhere, and each receiver is told its end once", "[http]") {
  const auto everything = []() -> task<> {
    http::router routes;
    routes.put("/", [](http::request& rq, http::response& rs) -> task<> {
      const std::string all = co_await rq.body().text();
      co_await rs.write_all(all);
    });
    const auto to = std::make_shared<receiver>();
    struct at_the_end {
      ~at_the_end() {
        const std::string& log = of->log;
        CHECK((log.empty() || log == done || log == cut_off));
      }
      std::shared_ptr<receiver> of;
    } const check{to};
    nursery n;
    http::testing::router_connector there(n, routes, {}, {.capacity = 1000});
    co_await with_agent(there, n, [&](const web::agent& agent, http::client&) -> task<> {
      const std::shared_ptr<web::body_producer> by = std::make_shared<numbers>(3, 1000);
      const answer first = co_await agent.request({"PUT", "http://a/"}, by);
      const std::string text = co_await web::read_body(first);
      CHECK(text.size() == 3000);
      const answer second = co_await agent.request({"PUT", "http://a/"}, http::detail::text_source("a source"));
      second->deliver_body(to);
      co_await sleep_for(1s);
    });
  };
  CHECK(wring::testing::cancel_everywhere(everything) > 8);
}
