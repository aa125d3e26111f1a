// SPDX-License-Identifier: MIT
// Requests that have been used against servers and proxies, each sent whole and byte by byte, with a further request
// behind it that must not be answered where the framing is in doubt.
//
// What else has been used: damaged chunks in detail/chunked_decoder_test.cpp; slow heads, bodies and readers in
// server_test.cpp and limits_test.cpp; fields with line ends that a handler sets in response_test.cpp; dot segments in
// detail/target_test.cpp; files outside the folder that is served in tests/programs/http_server_test.py; and whatever a
// fuzzer or a generator finds in tests/fuzz/http_request_fuzz.cpp and detail/parsers_agree_test.cpp.
#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/testing/task_test.hpp>
#include <wring/protocols/http/server.hpp>

#include "http_support.hpp"

using namespace std::string_literals;
using namespace wring;
using namespace wring::tests;
using http::request;
using http::response;

namespace {

const std::string head = "POST /echo HTTP/1.1\r\nHost: a\r\n";
const std::string get = "GET / HTTP/1.1\r\nHost: a\r\n";
const std::string smuggled = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";

/// One way to make two recipients disagree.
struct attack {
  std::string text;
  std::string statuses;  ///< of the answers to it and to `smuggled` behind it
};

struct family {
  const char* name;
  std::vector<attack> attacks;
};

/// "/" and "/echo" answer, "/ignore" reads no body, "/smuggled" is what nobody has asked for.
http::router site() {
  http::router r;
  r.any("/", [](request&, response& rs) { rs.text("hello\n"); });
  r.post("/echo", [](request& rq, response& rs) -> task<> {
    std::string all = co_await rq.body().text();
    rs.body(std::move(all), "text/plain");
  });
  r.any("/ignore", [](request&, response& rs) { rs.text("ignored\n"); });
  r.any("/smuggled", [](request&, response& rs) { rs.status(299).empty(); });
  return r;
}

task<> check(const family& f) {
  const auto routes = site();
  for (const attack& a : f.attacks) {
    for (const std::size_t piece : {std::size_t{1}, std::size_t{0}}) {
      const std::string got = co_await answers(routes, a.text + smuggled, {.half_close_grace = wring::forever},
                                               {.read_chunk = piece == 0 ? 65536 : piece});
      CAPTURE(f.name, a.text, piece, got);
      CHECK(statuses(got) == a.statuses);
    }
  }
}

std::string coded(std::string_view coding) {
  return head + "Transfer-Encoding: " + std::string(coding) + "\r\n\r\n0\r\n\r\n";
}
std::string long_as(std::string_view length) {
  return head + "Content-Length: " + std::string(length) + "\r\n\r\nabcde";
}

}  // namespace

TASK_TEST("a length and chunks at once, and codings that are almost chunked", "[http][attacks]") {
  const std::string chunked = "Transfer-Encoding: chunked\r\n";
  const family both{"CL.TE, TE.CL, TE.TE",
                    {
                        {head + "Content-Length: 5\r\n" + chunked + "\r\n0\r\n\r\n", "400"},
                        {head + chunked + "Content-Length: 5\r\n\r\n0\r\n\r\n", "400"},
                        {head + chunked + "Content-Length: 0\r\n\r\n0\r\n\r\n", "400"},
                        {head + chunked + chunked + "\r\n0\r\n\r\n", "400"},
                        {head + chunked + "transfer-encoding: identity\r\n\r\n0\r\n\r\n", "400"},
                        {coded("CHUNKED"), "200 299"},
                        {coded(" chunked\t"), "200 299"},
                        {coded("gzip, chunked"), "501"},
                        {coded("chunked, gzip"), "400"},
                        {coded("chunked, chunked"), "400"},
                        {coded("identity"), "501"},
                        {coded("xchunked"), "501"},
                        {coded("chunkedx"), "400"},
                        {coded(",chunked"), "501"},
                        {coded("chunked,"), "400"},
                        {coded("chunked;a=b"), "400"},
                        {coded("\"chunked\""), "400"},
                        {coded(""), "501"},
                        {coded("\xa0"
                               "chunked"),
                         "501"},
                        {coded("\x0b"
                               "chunked"),
                         "400"},
                        {head + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", "400"},
                        {head + "Transfer_Encoding: chunked\r\n\r\n", "200 299"},
                        {head + "X: y\r\n Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400"},
                        {"POST /echo HTTP/1.0\r\n" + chunked + "\r\n0\r\n\r\n", "400"},
                    }};
  co_await check(both);
}

TASK_TEST("lengths that are not 1 to 19 digits, once", "[http][attacks]") {
  const family lengths{"lengths",
                       {
                           {long_as("5"), "200 299"},
                           {long_as("0000000000000000005"), "200 299"},
                           {long_as("00000000000000000005"), "400"},
                           {long_as("5, 5"), "400"},
                           {long_as("5,"), "400"},
                           {long_as("5 5"), "400"},
                           {long_as("5\r\nContent-Length: 5"), "400"},
                           {long_as("5\r\nContent-Length: 6"), "400"},
                           {long_as("+5"), "400"},
                           {long_as("-5"), "400"},
                           {long_as("0x5"), "400"},
                           {long_as("5_0"), "400"},
                           {long_as("5.0"), "400"},
                           {long_as("5e0"), "400"},
                           {long_as(""), "400"},
                           {long_as("five"), "400"},
                           {long_as("9223372036854775807"), "413"},
                           {long_as("9223372036854775808"), "400"},
                           {long_as("18446744073709551621"), "400"},
                           {head + "Content-Length : 5\r\n\r\nabcde", "400"},
                           {head + "Content-Length\t: 5\r\n\r\nabcde", "400"},
                           {head + " Content-Length: 5\r\n\r\nabcde", "400"},
                       }};
  co_await check(lengths);
}

TASK_TEST("chunks that end where another parser's do not", "[http][attacks]") {
  const auto chunks = [](std::string_view text) {
    return head + "Transfer-Encoding: chunked\r\n\r\n" + std::string(text);
  };
  const family sizes{"chunks",
                     {
                         {chunks("5\r\nabcde\r\n0\r\n\r\n"), "200 299"},
                         {chunks("5;a=\"b\";c\r\nabcde\r\n0;d\r\nT: u\r\n\r\n"), "200 299"},
                         {chunks("05\r\nabcde\r\n000\r\n\r\n"), "200 299"},
                         {chunks("0x5\r\nabcde\r\n0\r\n\r\n"), "400"},
                         {chunks("+5\r\nabcde\r\n0\r\n\r\n"), "400"},
                         {chunks("5 \r\nabcde\r\n0\r\n\r\n"), "400"},
                         {chunks("\r\nabcde\r\n0\r\n\r\n"), "400"},
                         {chunks("10000000000000005\r\nabcde\r\n0\r\n\r\n"), "400"},
                         {chunks("5;\n0\r\n\r\n"), "400"},
                         {chunks("5;a\nabcde\r\n0\r\n\r\n"), "400"},
                         {chunks("5;a\rbcde\r\n0\r\n\r\n"), "400"},
                         {chunks("5\nabcde\r\n0\r\n\r\n"), "400"},
                         {chunks("5\r\r\nabcde\r\n0\r\n\r\n"), "400"},
                         {chunks("5\r\nabcdeXX0\r\n\r\n"), "400"},
                         {chunks("5\r\nabcde\n0\r\n\r\n"), "400"},
                         {chunks("5\r\nabcdef\r\n0\r\n\r\n"), "400"},
                         {chunks("0\r\nContent-Length: 5\r\n\r\n"), "400"},
                         {chunks("0\r\nHost: b\r\n\r\n"), "400"},
                         {chunks("0\r\nT : u\r\n\r\n"), "400"},
                         {chunks("0\r\n T: u\r\n\r\n"), "400"},
                         {chunks("0\r\nT: u\n\n"), "400"},
                     }};
  co_await check(sizes);
}

TASK_TEST("names, values and line ends that are none", "[http][attacks]") {
  const family lines{"lines",
                     {
                         {get + "X : y\r\n\r\n", "400"},
                         {get + "X\t: y\r\n\r\n", "400"},
                         {"GET / HTTP/1.1\r\n Host: a\r\n\r\n", "400"},
                         {get + "X\r\n\r\n", "400"},
                         {get + ": y\r\n\r\n", "400"},
                         {get + "X y: z\r\n\r\n", "400"},
                         {get + "X\x7f: y\r\n\r\n", "400"},
                         {get + "X\xe9: y\r\n\r\n", "400"},
                         {get + "X: a\0b\r\n\r\n"s, "400"},
                         {get + "X\0: b\r\n\r\n"s, "400"},
                         {get + "X: a\rb\r\n\r\n", "400"},
                         {get + "X: a\nY: b\r\n\r\n", "400"},
                         {get + "X: a\x01\r\n\r\n", "400"},
                         {get + "X: a\r\n b\r\n\r\n", "400"},
                         {get + "X: a\r\n\tb\r\n\r\n", "400"},
                         {get + "\r\rX: y\r\n\r\n", "400"},
                         {get + "\r\n\rX", "200 400"},
                         {get + "\n", "400"},
                         {"GET / HTTP/1.1\nHost: a\n\n", "400"},
                         {get + "X: \xe9\t\x80\r\n\r\n", "200 299"},
                         {"\r\n" + get + "\r\n", "200 299"},
                         {"\r\n\r\n" + get + "\r\n", "400"},
                         {"\n" + get + "\r\n", "400"},
                         {"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", "400"},
                         {"GET / HTTP/1.1 \r\nHost: a\r\n\r\n", "400"},
                         {"GET / http/1.1\r\nHost: a\r\n\r\n", "400"},
                         {"GET / HTTP/1.10\r\nHost: a\r\n\r\n", "400"},
                         {"GET / HTTP/2.0\r\nHost: a\r\n\r\n", "505"},
                         {"GET /\r\nHost: a\r\n\r\n", "400"},
                         {"G(T / HTTP/1.1\r\nHost: a\r\n\r\n", "400"},
                         {"GET /\x80 HTTP/1.1\r\nHost: a\r\n\r\n", "400"},
                         {"GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n", "400"},
                         {"GET /#f HTTP/1.1\r\nHost: a\r\n\r\n", "400"},
                     }};
  co_await check(lines);
}

TASK_TEST("bodies that nobody reads are not taken for requests", "[http][attacks]") {
  const std::string size = std::to_string(smuggled.size());
  const std::string with_body = "\r\nContent-Length: " + size + "\r\n\r\n" + smuggled;
  const family unread{"CL.0 and early answers",
                      {
                          {"GET / HTTP/1.1\r\nHost: a" + with_body, "200 299"},
                          {"HEAD / HTTP/1.1\r\nHost: a" + with_body, "200 299"},
                          {"OPTIONS / HTTP/1.1\r\nHost: a" + with_body, "200 299"},
                          {"POST /ignore HTTP/1.1\r\nHost: a" + with_body, "200 299"},
                          {"POST /none HTTP/1.1\r\nHost: a" + with_body, "404 299"},
                          {"POST /smuggled/.. HTTP/1.1\r\nHost: a" + with_body, "200 299"},
                          {"BREW / HTTP/1.1\r\nHost: a" + with_body, "200 299"},
                          // A body that may come or not ends the connection.
                          {"POST /ignore HTTP/1.1\r\nHost: a\r\nExpect: 100-continue" + with_body, "200"},
                      }};
  co_await check(unread);
}

TASK_TEST("Expect is exactly 100-continue", "[http][attacks]") {
  const auto expects = [](std::string_view what) {
    return head + "Content-Length: 5\r\nExpect: " + std::string(what) + "\r\n\r\nabcde";
  };
  const family expectations{"Expect",
                            {
                                {expects("100-continue"), "100 200 299"},
                                {expects("100-Continue"), "100 200 299"},
                                {expects("100-continue, 100-continue"), "417"},
                                {expects("y 100-continue"), "417"},
                                {expects("100-continue\r\nExpect: 100-continue"), "417"},
                                {expects(""), "417"},
                                {get + "Expect: 100-continue\r\n\r\n", "200 299"},  // there is no body to wait for
                            }};
  co_await check(expectations);
}

TASK_TEST("a request has one host, which is one", "[http][attacks]") {
  const auto of = [](std::string_view host) { return "GET / HTTP/1.1\r\n" + std::string(host) + "\r\n"; };
  const family hosts{"Host",
                     {
                         {of(""), "400"},
                         {of("Host: a\r\nHost: a\r\n"), "400"},
                         {of("Host: a\r\nHost: b\r\n"), "400"},
                         {of("Host: a, b\r\n"), "400"},
                         {of("Host: a/b\r\n"), "400"},
                         {of("Host: u@a\r\n"), "400"},
                         {of("Host: a b\r\n"), "400"},
                         {of("Host: a:x\r\n"), "400"},
                         {of("Host: a:65536\r\n"), "400"},
                         {of("Host: [::1\r\n"), "400"},
                         {of("Host: a\xe9\r\n"), "400"},
                         {of("Host: a:\r\n"), "200 299"},
                         {of("Host: [::1]:80\r\n"), "200 299"},
                         {"GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", "200 299"},
                         {"GET http://u@b/ HTTP/1.1\r\nHost: a\r\n\r\n", "400"},
                         {"GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n", "400"},
                         {"GET gopher://b/ HTTP/1.1\r\nHost: a\r\n\r\n", "400"},
                     }};
  co_await check(hosts);
}

TASK_TEST("a body is kept apart from a head that fills its block", "[http][attacks]") {
  http::router r;
  r.post("/", [](request& rq, response& rs) -> task<> {
    const std::string all = co_await rq.body().text();
    rs.text(all);
  });
  for (std::size_t size = 2000; size < 4200; size += 7) {
    std::string text = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n";
    while (text.size() < size) text += "A: bcdefgh\r\n";
    text += "\r\nabcde" + get + "\r\n";
    const std::string got = co_await answers(r, text, {.max_fields = 1000});
    CAPTURE(size, got);
    REQUIRE(statuses(got) == "200 405");
    REQUIRE(got.find("\r\n\r\nabcde") != std::string::npos);
  }
}
