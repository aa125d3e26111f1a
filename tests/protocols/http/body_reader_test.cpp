// SPDX-License-Identifier: MIT
#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/testing/task_test.hpp>
#include <wring/net/byte_source.hpp>
#include <wring/protocols/http/body_reader.hpp>
#include <wring/protocols/http/status.hpp>

#include "http_support.hpp"

using namespace wring;
using namespace wring::tests;
using http::request;
using http::response;

static_assert(net::byte_source<http::body_reader>);

TASK_TEST("a body is read by pieces, whole, and with its trailers", "[http]") {
  std::string answer;
  http::router r;
  std::vector<buffer_lease> kept;
  r.post("/pieces", [&](request& rq, response& rs) -> task<> {
    CHECK_FALSE(rq.body().length());
    for (;;) {
      buffer_lease piece = co_await rq.body().read_some();
      if (piece.empty()) break;
      kept.push_back(std::move(piece));
    }
    CHECK(rq.body().trailers().find("t") == "1");
    const buffer_lease again = co_await rq.body().read_some();
    CHECK(again.empty());
    rs.text("ok");
  });
  r.post("/limit", [](request& rq, response& rs) -> task<> {
    const std::vector<std::byte> all = co_await rq.body().bytes(3);
    rs.text(std::to_string(all.size()));
  });
  const std::string chunks = "3\r\nabc\r\n2\r\nde\r\n0\r\nT: 1\r\n\r\n";
  const auto post = [&](std::string path) {
    return "POST " + path + " HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks;
  };
  const std::string got = co_await answers(r, post("/pieces") + post("/limit"));
  CHECK(statuses(got) == "200 413");
  // The pieces outlive the request.
  std::string all;
  for (const buffer_lease& piece : kept) all.append(reinterpret_cast<const char*>(piece.data()), piece.size());
  CHECK(all == "abcde");
  kept.clear();
  const std::string length = "POST /limit HTTP/1.1\r\nHost: a\r\nContent-Length: ";
  answer = co_await answers(r, length + "3\r\n\r\nabc" + length + "4\r\n\r\nabcd");
  CHECK(statuses(answer) == "200 413");
}

TASK_TEST("a body that ends early is no body", "[http]") {
  std::string got;
  http::router r;
  bool whole = false;
  r.post("/", [&](request& rq, response& rs) -> task<> {
    const std::string all = co_await rq.body().text();
    whole = true;
    rs.text(all);
  });
  got = co_await answers(r, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc");
  CHECK(statuses(got) == "400");
  got = co_await answers(r, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
  CHECK(statuses(got) == "400");
  CHECK_FALSE(whole);
}
