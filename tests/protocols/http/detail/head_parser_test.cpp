// SPDX-License-Identifier: MIT
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/protocols/http/detail/head_parser.hpp>

#include "head_support.hpp"

using namespace wring;
using namespace wring::tests;
using namespace std::string_view_literals;
using kind = head_parser::kind;

namespace {

std::string verdict(std::string_view text) { return parsed_head(text).verdict(); }

/// A request with these fields, each a line without its end.
std::string with_fields(std::string_view fields, std::string_view version = "1.1") {
  std::string text = "POST / HTTP/" + std::string(version) + "\r\nHost: a\r\n";
  return text.append(fields).append("\r\n\r\n");
}
std::string refused(std::string_view fields, std::string_view version = "1.1") {
  return verdict(with_fields(fields, version));
}

const std::vector<std::string> requests{
    "GET / HTTP/1.1\r\nHost: example.org\r\n\r\n",
    "\r\nGET /a?b=c HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n",
    "POST /x HTTP/1.1\r\nhOST:\texample.org:80 \t\r\nContent-Length:  12\r\nConnection: close, Upgrade\r\n\r\nhello, "
    "world",
    "PUT /y HTTP/1.1\r\nHost: [::1]:80\r\nTransfer-Encoding: Chunked\r\nExpect: 100-Continue\r\nX: \r\nX:\xe4 "
    "b\tc\r\n\r\n0\r\n",
    "M-SEARCH * HTTP/1.9\r\nHost:\r\n\r\nGET / HTTP/1.1\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nfolded: no\r\n so\r\n\r\n",
    "GET / HTTP/1.1\nHost: a\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n",
};

}  // namespace

TEST_CASE("a head is taken apart") {
  CHECK(verdict(requests[0]) == "37 GET / 1.1 persistent\nhost=example.org");
  CHECK(verdict(requests[1]) == "49 GET /a?b=c 1.0 persistent\nconnection=Keep-Alive");
  CHECK(verdict(requests[2]) ==
        "93 POST /x 1.1 length 12 upgrade\nhost=example.org:80\ncontent-length=12\n"
        "connection=close, Upgrade");
  CHECK(verdict(requests[3]) ==
        "99 PUT /y 1.1 chunked persistent continue\nhost=[::1]:80\n"
        "transfer-encoding=Chunked\nexpect=100-Continue\nx=\nx=\xe4 b\tc");
  CHECK(verdict(requests[4]) == "30 M-SEARCH * 1.1 persistent\nhost=");
}

TEST_CASE("a method has at most 64 characters") {
  const std::string rest = " / HTTP/1.1\r\nHost: a\r\n\r\n";
  CHECK(verdict(std::string(64, 'M') + rest).starts_with("88 MMM"));
  CHECK(verdict(std::string(65, 'M') + rest) == "501");
  CHECK(verdict(std::string(64, 'M')) == "incomplete");
  // Without a line's end it is looked at once it is too long for any line.
  CHECK(verdict(std::string(10'000, 'M')) == "501");
}

TEST_CASE("a head is the same however it is cut") {
  for (const std::string& text : requests) {
    const std::string whole = verdict(text);
    CHECK(parsed_head(text, 1, 1).verdict() == whole);
    for (std::size_t cut = 1; cut < text.size(); ++cut) {
      CAPTURE(text, cut);
      CHECK(parsed_head(text, cut).verdict() == whole);
    }
  }
}

TEST_CASE("what follows a head is not taken for a part of it, wherever its memory ends") {
  for (std::size_t fields = 0; fields < 40; ++fields) {
    std::string text = "GET / HTTP/1.1\r\nHost: a\r\n";
    for (std::size_t i = 0; i != fields; ++i) text += "a: b\r\n";
    text += "\r\n";
    const std::string alone = parsed_head(text).verdict();
    CHECK(alone.starts_with(std::to_string(text.size()) + " GET / 1.1 persistent"));
    for (const std::size_t behind : {1, 2, 7, 100, 2000}) {
      CAPTURE(fields, behind);
      CHECK(parsed_head(text + std::string(behind, '\n')).verdict() == alone);
      CHECK(parsed_head(text + std::string(behind, '\n'), text.size() - 1, 5).verdict() == alone);
    }
  }
}

TEST_CASE("what is cut off is incomplete, and never refused") {
  for (std::size_t i = 0; i < 5; ++i) {
    const parsed_head whole(requests[i]);
    for (std::size_t end = 0; end < whole.consumed; ++end) {
      CHECK(verdict(std::string_view(requests[i]).substr(0, end)) == "incomplete");
    }
  }
}

TEST_CASE("framing that two recipients could understand differently is refused") {
  CHECK(refused("Content-Length: 3\r\nTransfer-Encoding: chunked") == "400");
  CHECK(refused("Transfer-Encoding: chunked\r\nContent-Length: 3") == "400");
  CHECK(refused("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked") == "400");
  CHECK(refused("Transfer-Encoding: chunked", "1.0") == "400");
  for (const std::string_view coding :
       {"identity"sv, "gzip"sv, "gzip, chunked"sv, ", chunked"sv, ",chunked"sv, "xchunked"sv, ""sv,
        "\xa0"
        "chunked"sv,
        "\"chunked\""sv}) {
    CAPTURE(coding);
    const std::string status = refused("Transfer-Encoding: " + std::string(coding));
    CHECK((status == "501" || status == "400"));
  }
  CHECK(refused("Transfer-Encoding: chunked, gzip") == "400");
  CHECK(refused("Transfer-Encoding: chunked, chunked") == "400");
  CHECK(refused("Transfer-Encoding: chunked;a=b") == "400");
  CHECK(refused("Transfer-Encoding: chunked,") == "400");
  CHECK(refused("Transfer-Encoding : chunked") == "400");
  CHECK(refused("Transfer-Encoding\t: chunked") == "400");
  CHECK(refused("X: y\r\n Transfer-Encoding: chunked") == "400");
  CHECK(refused("X: y\nTransfer-Encoding: chunked") == "400");
  CHECK(refused("X: y\rTransfer-Encoding: chunked") == "400");
  CHECK(refused("Transfer-Encoding:\vchunked") == "400");
}

TEST_CASE("a length is 1 to 19 digits, once") {
  for (const std::string_view length :
       {""sv, "+1"sv, "-1"sv, "0x1"sv, "1_0"sv, "1 0"sv, "1, 1"sv, "1,1"sv, "1.0"sv, "1e1"sv, "00000000000000000001"sv,
        "9223372036854775808"sv, "99999999999999999999"sv, "\"1\""sv, "\xb2"sv}) {
    CAPTURE(length);
    CHECK(refused("Content-Length: " + std::string(length)) == "400");
  }
  CHECK(refused("Content-Length: 1\r\nContent-Length: 1") == "400");
  CHECK(refused("Content-Length: 1\r\nContent-Length: 2") == "400");
  CHECK(parsed_head(with_fields("Content-Length: 9223372036854775807")).parser.facts().length == INT64_MAX);
  CHECK(parsed_head(with_fields("Content-Length: 0000000000000000001")).parser.facts().length == 1);
}

TEST_CASE("lines and names are as the grammar has them") {
  for (const std::string_view field :
       {"no colon"sv, ": x"sv, "a b: c"sv, "a : c"sv, " a: c"sv, "\ta: c"sv, "a\0: c"sv, "a: b\0c"sv, "a: \x7f"sv,
        "a: \x01"sv, "(a): b"sv, "a@b: c"sv, "\xe4: b"sv, "a: b\r\r"sv, "a: b\r\n\rX"sv, "a: b\r\n\n"sv}) {
    CAPTURE(field);
    CHECK(refused(field) == "400");
  }
  for (const std::string_view line :
       {"GET  / HTTP/1.1\r\n"sv, " GET / HTTP/1.1\r\n"sv, "GET / HTTP/1.1 \r\n"sv, "GET / HTTP/1.1\n"sv, "GET /\r\n"sv,
        "GET\t/ HTTP/1.1\r\n"sv, "GET / http/1.1\r\n"sv, "GET / HTTP/1,1\r\n"sv, "GET / HTTP/11\r\n"sv,
        "GET / HTTP/1.10\r\n"sv, "G@T / HTTP/1.1\r\n"sv, "GET / x HTTP/1.1\r\n"sv, "GET / HTTP/1.1\r\r"sv,
        "GET HTTP/1.1\r\n"sv, "\r\n\r\nGET / HTTP/1.1\r\n"sv, "\n"sv, "\rG"sv, "\x16\x03\x01"sv,
        "GET /\x01 HTTP/1.1\r\n"sv}) {
    CAPTURE(line);
    CHECK(verdict(std::string(line) + "Host: a\r\n\r\n") == "400");
  }
  CHECK(verdict("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") == "505");
  CHECK(verdict("GET / HTTP/0.9\r\n\r\n") == "505");
}

TEST_CASE("a request has one host") {
  CHECK(verdict("GET / HTTP/1.1\r\n\r\n") == "400");
  CHECK(verdict("GET / HTTP/1.0\r\n\r\n") == "18 GET / 1.0");
  CHECK(verdict("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n") == "400");
  CHECK(verdict("GET / HTTP/1.1\r\nHost: a\r\nhost: b\r\n\r\n") == "400");
  for (const std::string_view host : {"a b"sv, "a@b"sv, "a/b"sv, "a:b"sv, "a:65536"sv, "[::1"sv, "[x]"sv, "a, b"sv,
                                      "a%zz"sv, "a%00"sv, ":80"sv, "\xe4"sv, "a:80:80"sv}) {
    CAPTURE(host);
    const std::string status = verdict("GET / HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n");
    CHECK((host == "a, b" || status == "400"));
  }
}

TEST_CASE("Expect is 100-continue or refused") {
  CHECK(refused("Expect: 100-continue, x") == "417");
  CHECK(refused("Expect: 200-ok") == "417");
  CHECK(refused("Expect: 100-continue\r\nExpect: 100-continue") == "417");
  CHECK(parsed_head(with_fields("Expect: anything", "1.0")).state == head_parser::status::done);
}

TEST_CASE("each limit of a head holds, and what is at it passes") {
  const auto under = [](std::string_view text, const head_limits& limits, std::size_t step = std::string_view::npos) {
    return parsed_head(text, step, step, kind::request, limits).verdict().substr(0, 3);
  };
  const std::string target = "GET /" + std::string(99, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n";
  CHECK(under(target, {.target = 100}) == std::to_string(target.size()));
  CHECK(under(target, {.target = 99}) == "414");
  CHECK(under(target, {.target = 99}, 1) == "414");
  CHECK(under(target, {.size = target.size()}) == std::to_string(target.size()));
  CHECK(under(target, {.size = target.size() - 1}) == "431");
  CHECK(under(target, {.size = target.size() - 1}, 1) == "431");
  CHECK(under("GET /" + std::string(5000, 'a'), {.size = 100}) == "414");
  CHECK(under("GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(5000, 'a'), {.size = 100}) == "431");
  CHECK(under(target, {.fields = 1}) == std::to_string(target.size()));
  CHECK(under(target, {.fields = 0}) == "431");
  std::string many = "GET / HTTP/1.1\r\nHost: a\r\n";
  for (int i = 0; i < 99; ++i) many += "a:b\r\n";
  CHECK(under(many + "\r\n", {}) == std::to_string(many.size() + 2).substr(0, 3));
  CHECK(under(many + "c:d\r\n\r\n", {}) == "431");
}

TEST_CASE("a head that comes byte by byte is not parsed anew at each") {
  // Of 60 KiB that would be billions of steps.
  const std::string text = "GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(60'000, 'x') + "\r\n\r\n";
  const parsed_head head(text, 1, 1, kind::request, {.size = text.size()});
  CHECK(head.state == head_parser::status::done);
  CHECK(head.consumed == text.size());
}

TEST_CASE("a response's head") {
  const auto response = [](std::string_view text) {
    const parsed_head head(text, 3, 1, kind::response);
    if (head.state != head_parser::status::done) return head.verdict();
    return std::to_string(head.parser.facts().status) + "|" + std::string(head.at(head.parser.facts().reason)) + "|" +
           std::to_string(head.parser.facts().persistent());
  };
  CHECK(response("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") == "200|OK|1");
  CHECK(response("HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n") == "404|Not Found|0");
  CHECK(response("HTTP/1.0 200 \r\n\r\n") == "200||0");
  CHECK(response("HTTP/1.1 204\r\n\r\n") == "204||1");
  for (const std::string_view line :
       {"HTTP/1.1 20 OK\r\n"sv, "HTTP/1.1  200 OK\r\n"sv, "HTTP/1.1 2000 OK\r\n"sv, "HTTP/1.1 200 OK\n"sv,
        "HTTP/1.1 200 O\x01\r\n"sv, "ICY 200 OK\r\n"sv, "HTTP/1.1 099 x\r\n"sv, "\r\nHTTP/1.1 200 OK\r\n"sv}) {
    CAPTURE(line);
    CHECK(response(std::string(line) + "\r\n") == "400");
  }
  CHECK(response("HTTP/2.0 200 OK\r\n\r\n") == "505");
  CHECK(response("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n") == "400");
}

TEST_CASE("a trailer section has fields, but none that frame the message") {
  const auto trailers = [](std::string_view text) { return parsed_head(text, 1, 1, kind::trailers).verdict(); };
  CHECK(trailers("\r\n") == "2   1.1 persistent");
  CHECK(trailers("Digest: x\r\n\r\nGET") == "13   1.1 persistent\ndigest=x");
  CHECK(trailers("Content-Length: 1\r\n\r\n") == "400");
  CHECK(trailers("Transfer-Encoding: chunked\r\n\r\n") == "400");
  CHECK(trailers("Host: a\r\n\r\n") == "400");
}
