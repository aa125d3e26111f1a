// SPDX-License-Identifier: MIT
#include <algorithm>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <zlib.h>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/testing/task_test.hpp>

#include "client_support.hpp"

using namespace wring;
using namespace wring::tests;
using http::client;
using http::client_response;

namespace {

constexpr int gzip = 31;
constexpr int zlib = 15;
constexpr int raw = -15;

std::string packed(std::string_view text, int window) {
  z_stream z{};
  REQUIRE(deflateInit2(&z, Z_BEST_COMPRESSION, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string out(deflateBound(&z, text.size()) + 64, '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  z.avail_in = static_cast<uInt>(text.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  REQUIRE(deflate(&z, Z_FINISH) == Z_STREAM_END);
  out.resize(out.size() - z.avail_out);
  deflateEnd(&z);
  return out;
}

/// The text of an answer with that body, or what is wrong with it.
task<std::string> fetched(std::string coding, std::string body, net::memory_stream_options how = {},
                          std::size_t limit = std::size_t{1} << 20, bool decodes = true) {
  nursery n;
  http::testing::canned_connector there(n, how);
  there.answer(ok(body, "Content-Encoding: " + coding + "\r\n"));
  std::string text;
  const auto run = [&](client& web) -> task<> {
    const auto fetch = [&]() -> task<> {
      http::client_request q("http://a/");
      q.decodes(decodes);
      client_response rs = co_await web.send(q);
      CHECK(rs.header("content-encoding").has_value() == (!decodes || coding == "br" || body.empty()));
      if (!rs.header("content-encoding")) CHECK_FALSE(rs.body().length());
      text = co_await rs.text(limit);
    };
    const std::string fault = co_await fault_of(std::ref(fetch));
    if (!fault.empty()) text = "fault: " + fault;
  };
  co_await with_answers(n, there, {}, run);
  co_return text;
}

}  // namespace

TASK_TEST("compressed bodies are decoded, however they are cut", "[http]") {
  std::string text;
  for (int i = 0; i < 20'000; ++i) text += std::to_string(i * i) + " ";
  for (const auto& [coding, window] :
       {std::pair{"gzip", gzip}, std::pair{"x-GZIP", gzip}, std::pair{"deflate", zlib}, std::pair{"deflate", raw}}) {
    CAPTURE(coding, window);
    const std::string body = packed(text, window);
    const std::string whole = co_await fetched(coding, body);
    CHECK(whole == text);
    const std::string cut = co_await fetched(coding, body, {.read_chunk = 7, .chunk_seed = 3});
    CHECK(cut == text);
  }
  const std::string members = co_await fetched("gzip", packed("one ", gzip) + packed("two", gzip));
  CHECK(members == "one two");
  const std::string nothing = co_await fetched("gzip", "");
  CHECK(nothing.empty());
  const std::string empty = co_await fetched("gzip", packed("", gzip));
  CHECK(empty.empty());
}

TASK_TEST("what is not known, or not wanted, is left as it is", "[http]") {
  const std::string other = co_await fetched("br", "bytes");
  CHECK(other == "bytes");
  const std::string body = packed("text", gzip);
  const std::string asked = co_await fetched("gzip", body, {}, 1000, false);
  CHECK(asked == body);
}

TASK_TEST("a compressed body that is cut, broken or followed by something is a fault", "[http]") {
  const std::string body = packed(std::string(1000, 'x'), gzip);
  for (std::size_t size = 1; size < body.size(); ++size) {
    const std::string cut = co_await fetched("gzip", body.substr(0, size));
    CHECK(cut.starts_with("fault: "));
  }
  const std::string garbage = co_await fetched("gzip", "no gzip at all");
  CHECK(garbage.starts_with("fault: "));
  const std::string more = co_await fetched("gzip", body + "more");
  CHECK(more.starts_with("fault: "));
  const std::string behind = co_await fetched("deflate", packed("x", zlib) + "more");
  CHECK(behind.starts_with("fault: "));
}

TASK_TEST("a body that grows beyond measure ends at its reader's limit", "[http]") {
  const std::string bomb = packed(std::string(std::size_t{64} << 20, '\0'), gzip);
  REQUIRE(bomb.size() < 100'000);
  const std::size_t before = scheduler::current().blocks().stats().allocated;
  const std::string text = co_await fetched("gzip", bomb, {}, std::size_t{1} << 20);
  CHECK(text.starts_with("fault: "));
  CHECK(text.find("pass a larger limit") != std::string::npos);
  CHECK(scheduler::current().blocks().stats().allocated - before < 10);
}
