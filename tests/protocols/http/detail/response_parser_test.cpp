// SPDX-License-Identifier: MIT
#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/protocols/http/detail/response_parser.hpp>

using namespace wring;
using http::method;
using http::detail::asked_request;
using http::detail::body_form;
using http::detail::head_store;
using http::detail::response_limits;
using http::detail::response_parser;

namespace {

std::string form_of(body_form f) {
  switch (f) {
    case body_form::none:
      return "none";
    case body_form::length:
      return "length";
    case body_form::chunked:
      return "chunked";
    case body_form::until_close:
      return "until close";
    case body_form::other:
      break;
  }
  return "other";
}

/// What is found in the text, that comes in a first piece of that size and then in others: the interim answers, and
/// then the bytes, the status, which body follows, and whether the connection can be used again; or why not.
std::string answer(std::string_view text, const asked_request& asked = {}, std::size_t first = std::string_view::npos,
                   std::size_t step = std::string_view::npos, const response_limits& limits = {}) {
  std::vector<std::max_align_t> memory(2);
  head_store store(std::as_writable_bytes(std::span(memory)));
  response_parser parser(asked, limits);
  std::string found;
  std::size_t used = 0;
  while (used != text.size()) {
    const std::string exactly(text.substr(used, first));  // so that reading beyond it is seen
    first = step;
    std::string_view piece = exactly;
    while (!piece.empty()) {
      const auto got = parser.feed(std::as_bytes(std::span(piece)), store);
      REQUIRE(got.consumed <= piece.size());
      used += got.consumed;
      piece.remove_prefix(got.consumed);
      const auto& f = parser.facts();
      switch (got.state) {
        case response_parser::status::incomplete:
          REQUIRE(piece.empty());
          break;
        case response_parser::status::interim:
          found += std::to_string(f.status) + " ";
          for (const http::field field : store.all()) found.append(field.name).append("=").append(field.value) += ' ';
          break;
        case response_parser::status::done:
          found += std::to_string(used) + " " + std::to_string(f.status) + " " + form_of(parser.form());
          if (parser.form() == body_form::length) found += " " + std::to_string(f.length);
          if (parser.reusable()) found += " reusable";
          for (const http::field field : store.all()) found.append(" ").append(field.name);
          return found;
        case response_parser::status::no_room: {
          std::vector<std::max_align_t> larger(memory.size() * 2);
          store.move_to(std::as_writable_bytes(std::span(larger)));
          memory.swap(larger);
          break;
        }
        case response_parser::status::refused:
          return found + std::to_string(parser.why().status) + " " + parser.why().reason;
      }
    }
  }
  return found + "incomplete";
}

const std::vector<std::string> answers{
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 \r\nLink: </a>\r\n\r\nHTTP/1.1 404 Not Found\r\nX: y\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n\r\n",
    "HTTP/1.1 100\r\n\r\nHTTP/1.1 101 Switching\r\nUpgrade: echo\r\nConnection: upgrade\r\n\r\nraw",
    "HTTP/1.1 200 OK\nX: y\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
};

const asked_request upgrade{.method = method::get, .upgrade = true};

}  // namespace

TEST_CASE("an answer's head says what follows it", "[http]") {
  CHECK(answer(answers[0]) == "38 200 length 5 reusable content-length");
  CHECK(answer(answers[1]) == "100 103 link=</a> 86 404 until close x");
  CHECK(answer(answers[2]) == "66 200 chunked transfer-encoding connection");
  CHECK(answer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") == "38 200 none reusable content-length");
  CHECK(answer("HTTP/1.0 200 OK\r\nContent-Length: 7\r\n\r\n") == "38 200 length 7 content-length");
  CHECK(answer("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 7\r\n\r\n") ==
        "62 200 length 7 reusable connection content-length");
}

TEST_CASE("some answers have no body, whatever their fields say", "[http]") {
  const std::string fields = "Content-Length: 5\r\n\r\n";
  CHECK(answer("HTTP/1.1 204 No Content\r\n" + fields) == "46 204 none reusable content-length");
  CHECK(answer("HTTP/1.1 304 Not Modified\r\n" + fields) == "48 304 none reusable content-length");
  CHECK(answer("HTTP/1.1 200 OK\r\n" + fields, {.method = method::head}) == "38 200 none reusable content-length");
  CHECK(answer("HTTP/1.1 200 OK\r\n\r\n", {.method = method::head}) == "19 200 none reusable");
  CHECK(answer("HTTP/1.1 103 Hints\r\n" + fields + "HTTP/1.1 204 \r\n\r\n") ==
        "103 content-length=5 58 204 none reusable");
}

TEST_CASE("a CONNECT that succeeds is a tunnel", "[http]") {
  const asked_request connect{.method = method::connect};
  CHECK(answer("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", connect) == "38 200 other content-length");
  CHECK(answer("HTTP/1.1 407 No\r\nContent-Length: 5\r\n\r\n", connect) == "38 407 length 5 reusable content-length");
}

TEST_CASE("only a protocol that was asked for is switched to", "[http]") {
  CHECK(answer(answers[3], upgrade) == "100 78 101 other upgrade connection");
  CHECK(answer(answers[3]) == "100 400 a switch to a protocol that was not asked for");
  CHECK(answer("HTTP/1.1 101 S\r\nUpgrade: x\r\n\r\n", upgrade) == "400 a switch to a protocol that is not named");
  CHECK(answer("HTTP/1.1 101 S\r\nConnection: upgrade\r\n\r\n", upgrade) ==
        "400 a switch to a protocol that is not named");
  CHECK(answer("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", upgrade) == "38 200 length 5 reusable content-length");
}

TEST_CASE("an answer's head is the same however it is cut", "[http]") {
  for (const std::string& text : answers) {
    const std::string whole = answer(text, upgrade);
    CHECK(answer(text, upgrade, 1, 1) == whole);
    for (std::size_t cut = 1; cut < text.size(); ++cut) {
      CAPTURE(text, cut);
      CHECK(answer(text, upgrade, cut) == whole);
      CHECK(answer(text.substr(0, cut), upgrade, cut) == answer(text.substr(0, cut), upgrade, 1, 1));
    }
  }
}

TEST_CASE("what a recipient might repair is refused in answers, too", "[http]") {
  const auto with = [](std::string_view fields) {
    return answer("HTTP/1.1 200 OK\r\n" + std::string(fields) + "\r\n\r\n").substr(0, 3);
  };
  CHECK(with("Content-Length: 1\r\nTransfer-Encoding: chunked") == "400");
  CHECK(with("Content-Length: 1\r\nContent-Length: 1") == "400");
  CHECK(with("Content-Length: 1, 1") == "400");
  CHECK(with("Content-Length: +1") == "400");
  CHECK(with("Transfer-Encoding: gzip, chunked") == "501");
  CHECK(with("Transfer-Encoding: gzip") == "501");
  CHECK(with("X : y") == "400");
  CHECK(with("X: y\r\n z") == "400");
  CHECK(answer("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").starts_with("400"));
  CHECK(answer("\r\nHTTP/1.1 200 OK\r\n\r\n").starts_with("400"));
  CHECK(answer("ICY 200 OK\r\n\r\n").starts_with("400"));
}

TEST_CASE("the limits of answers' heads", "[http]") {
  const std::string text = "HTTP/1.1 200 OK\r\nA: b\r\nC: d\r\n\r\n";
  const auto npos = std::string_view::npos;
  CHECK(answer(text, {}, npos, npos, {.head = text.size()}).ends_with("200 until close a c"));
  CHECK(answer(text, {}, npos, npos, {.head = text.size() - 1}) == "431 the head is too long");
  CHECK(answer(text, {}, npos, npos, {.fields = 2}).ends_with("200 until close a c"));
  CHECK(answer(text, {}, npos, npos, {.fields = 1}) == "431 too many fields");
  std::string interim;
  for (int i = 0; i < 8; ++i) interim += "HTTP/1.1 102 P\r\n\r\n";
  CHECK(answer(interim + text).ends_with("200 until close a c"));
  CHECK(answer(interim + "HTTP/1.1 102 P\r\n\r\n" + text).ends_with("431 too many interim answers"));
  CHECK(answer("HTTP/1.1 102 P\r\n\r\n", {}, npos, npos, {.interim = 0}) == "431 too many interim answers");
}
