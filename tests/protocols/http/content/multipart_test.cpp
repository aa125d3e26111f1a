// SPDX-License-Identifier: MIT
#include <string>
#include <string_view>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/testing/task_test.hpp>
#include <wring/net/byte_source.hpp>
#include <wring/protocols/http/content/multipart.hpp>

#include "../http_support.hpp"

using namespace wring;
using namespace wring::tests;
using http::request;
using http::response;

static_assert(net::byte_source<http::multipart_part>);

namespace {

std::string posting(const std::string& body, const std::string& type = "multipart/form-data; boundary=B") {
  return "POST / HTTP/1.1\r\nHost: a\r\nContent-Type: " + type + "\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + body;
}

std::string part(const std::string& name, const std::string& data, const std::string& more = {}) {
  return "--B\r\nContent-Disposition: form-data; name=\"" + name + "\"" + more + "\r\n\r\n" + data + "\r\n";
}

/// Tells what there is; of parts named "skip" nothing is read, and of those named "peek" the first piece.
task<> tell(request& rq, response& rs, http::multipart_limits limits) {
  http::multipart_reader parts(rq, limits);
  std::string all;
  for (;;) {
    http::multipart_part* const p = co_await parts.next();
    if (p == nullptr) break;
    all += p->name() + "(" + p->filename().value_or("-") + "," + std::string(p->type()) + ")";
    if (p->name() == "peek") {
      const buffer_lease piece = co_await p->read_some();
      all += piece.empty() ? "empty" : "some";
    } else if (p->name() != "skip") {
      all += co_await p->text(1000);
      const buffer_lease after = co_await p->read_some();
      CHECK(after.empty());
    }
    all += ";";
  }
  http::multipart_part* const none = co_await parts.next();
  CHECK(none == nullptr);
  rs.text(all);
}

task<std::string> told(std::string asked, http::multipart_limits limits = {}, net::memory_stream_options how = {}) {
  http::router r;
  r.post("/", [limits](request& rq, response& rs) { return tell(rq, rs, limits); });
  std::string got = co_await answers(r, std::move(asked), {.half_close_grace = forever}, how);
  if (!got.starts_with("HTTP/1.1 200 ")) co_return statuses(got);
  co_return got.substr(got.find("\r\n\r\n") + 4);
}

}  // namespace

TASK_TEST("the parts of a form come one after the other", "[http]") {
  const std::string large(100'000, 'x');
  const std::string body =
      part("a", "one") + part("f", "\r\n--\r\n", "; filename=\"x.png\"\r\nContent-Type: image/png") +
      part("skip", large) + part("peek", large) + part("empty", "") + part("peek", "") + "--B--\r\n";
  const std::string expected =
      "a(-,text/plain)one;f(x.png,image/png)\r\n--\r\n;skip(-,text/plain);peek(-,text/plain)some;empty(-,text/plain);"
      "peek(-,text/plain)empty;";
  std::string got;
  got = co_await told(posting(body));
  CHECK(got == expected);
  for (std::uint64_t seed = 1; seed < 12; ++seed) {
    got = co_await told(posting(body), {}, {.read_chunk = seed * seed, .chunk_seed = seed});
    CHECK(got == expected);
  }
  // The connection goes on behind it.
  http::router r;
  r.post("/", [](request& rq, response& rs) { return tell(rq, rs, {}); });
  got = co_await answers(r, posting(part("a", "1") + "--B--") + posting(part("a", "2") + "--B--\r\n"));
  CHECK(statuses(got) == "200 200");
}

TASK_TEST("what is no form of this kind, or too much, is refused", "[http]") {
  std::string got;
  got = co_await told(posting("a=b", "application/x-www-form-urlencoded"));
  CHECK(got == "415");
  got = co_await told(posting("--B--", "multipart/form-data"));
  CHECK(got == "415");
  got = co_await told(posting("x"));
  CHECK(got == "400");
  got = co_await told(posting(part("a", "x")));
  CHECK(got == "400");
  got = co_await told(posting("--B\r\n\r\nx\r\n--B--"));
  CHECK(got == "400");
  got = co_await told(posting("--B\r\nContent-Disposition: attachment\r\n\r\nx\r\n--B--"));
  CHECK(got == "400");
  got = co_await told(posting(part("a", "x", "\r\nContent-Disposition: form-data; name=\"b\"") + "--B--"));
  CHECK(got == "400");
  got = co_await told(posting(part("a", "x") + "--B--\r\nmore"));
  CHECK(got == "400");
  got = co_await told(posting(part("a", std::string(1000, 'x')) + "--B--"));
  CHECK(got.size() > 1000);
  got = co_await told(posting(part("a", std::string(1001, 'x')) + "--B--"));
  CHECK(got == "413");
  got = co_await told(posting(part("a", "") + part("a", "") + "--B--"), {.parts = 2});
  CHECK(got == "a(-,text/plain);a(-,text/plain);");
  got = co_await told(posting(part("a", "") + part("a", "") + part("a", "") + "--B--"), {.parts = 2});
  CHECK(got == "413");
  got = co_await told(posting(part("a", "", "\r\nX: " + std::string(200, 'x')) + "--B--"), {.head = 100});
  CHECK(got == "413");
}
