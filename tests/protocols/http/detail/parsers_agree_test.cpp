// SPDX-License-Identifier: MIT
// Requests made at random of parts that have been used in attacks, taken apart by Wring's parsers, by http-parser and
// by llhttp, which Node has in its place today. What Wring accepts, the others understand in the same way; where Wring
// refuses what another one takes, it is for one of the reasons that are listed here.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include "node_parser.hpp"
#include "parsed_message.hpp"
#include "request_maker.hpp"
#if __has_include(<http_parser.h>)
#include "second_parser.hpp"
#endif

using namespace wring::tests;

namespace {

std::uint64_t rounds(std::uint64_t usual) {
  const char* const set = std::getenv("WRING_TEST_ROUNDS");
  return set != nullptr ? std::strtoull(set, nullptr, 10) : usual;
}

/// Verdicts of Wring about what another parser takes, and why.
using reasons = std::map<std::string, std::string_view>;

#if __has_include(<http_parser.h>)
const reasons stricter_than_http_parser{
    {"400 Content-Length in a trailer section", "a recipient that merges trailers into the head has another length"},
    {"400 Host is missing", "RFC 9112, section 3.2; http-parser leaves it to its user"},
    {"400 Host is no name and port", "the same; what stands there ends up in links and in caches' keys"},
    {"400 Host is repeated", "the same; two proxies may take different ones"},
    {"400 Transfer-Encoding in HTTP/1.0", "RFC 9112, section 6.1: its framing is faulty"},
    {"400 Transfer-Encoding is repeated", "others take the first, the last, or both"},
    {"400 a CR without LF", "http-parser takes a line feed alone, or skips it, at some places"},
    {"400 a blank before a colon", "RFC 9112, section 5.1; http-parser strips it"},
    {"400 a chunk is not followed by CRLF", "http-parser looks at the second byte alone"},
    {"400 a chunk's first line does not end with CRLF", "a lone CR or LF in an extension ends it for some"},
    {"400 a chunk's size is no number", "http-parser takes blanks behind it"},
    {"400 a control in a chunk's extension", "a lone LF in it ends the line for others"},
    {"400 a control in a field, or a line without CRLF", "http-parser takes lone line feeds, and some controls"},
    {"400 a folded line", "RFC 9112, section 5.2: refuse, or replace; some do neither"},
    {"400 a line that is no field", "http-parser takes what follows an empty line that ends with LF alone as a body"},
    {"400 the method is no token", "RFC 9112, section 2.2: one empty line may come first; others skip any CR and LF"},
    {"400 the path has a bad escape", "what it means would be a guess"},
    {"400 the path has a character that must be escaped", "RFC 3986, section 3.3"},
    {"400 the query has a character that must be escaped", "a # begins a fragment, which no request has"},
    {"400 the request line does not end as HTTP/1.1 and CRLF", "http-parser takes a lone LF, and blanks"},
    {"400 the request line has no version", "http-parser takes HTTP/0.9"},
    {"400 the target * is for OPTIONS alone", "RFC 9112, section 3.2.4"},
    {"400 the target is empty", "two blanks; http-parser skips one"},
    {"400 the target's host is no name and port", "as of Host"},
    {"400 the target's scheme is neither http nor https", "there is no proxy for others here"},
    {"501 Transfer-Encoding is not chunked",
     "RFC 9112, section 6.1; http-parser goes by what is behind the last comma"},
    {"505 the version is not HTTP/1", "http-parser has no opinion on versions"},
};
#endif

const reasons stricter_than_node{
    {"400 Host is missing", "RFC 9112, section 3.2; llhttp leaves Host to its user, who leaves it to the handler"},
    {"400 Host is no name and port", "the same; what stands there ends up in links and in caches' keys"},
    {"400 Host is repeated", "the same; two proxies may take different ones"},
    {"400 Transfer-Encoding in HTTP/1.0", "RFC 9112, section 6.1: its framing is faulty"},
    {"400 a CR without LF", "llhttp skips CR and LF in front of a request line"},
    {"400 the method is no token", "RFC 9112, section 2.2: one empty line may come first; others skip any CR and LF"},
    {"400 the path has a bad escape", "what it means would be a guess"},
    {"400 the path has a character that must be escaped", "RFC 3986, section 3.3"},
    {"400 the query has a character that must be escaped", "a # begins a fragment, which no request has"},
    {"400 the request line does not end as HTTP/1.1 and CRLF", "llhttp takes several blanks"},
    {"400 the request line has no version", "llhttp takes HTTP/0.9"},
    {"400 the target * is for OPTIONS alone", "RFC 9112, section 3.2.4"},
    {"400 the target is empty", "two blanks; llhttp skips one"},
    {"400 the target's host is no name and port", "as of Host"},
    {"400 the target's scheme is neither http nor https", "there is no proxy for others here"},
    {"501 Transfer-Encoding is not chunked", "RFC 9112, section 6.1; llhttp goes by what is behind the last comma"},
    {"505 the version is not HTTP/1", "llhttp takes HTTP/2.0 as a version like others"},
};

/// Is met once in 50,000.
constexpr std::string_view rare = "400 the method is no token";

/// How verdicts of the others begin about what Wring takes, and why it does.
const reasons laxer_than_http_parser{
    {"HPE_INVALID_CONTENT_LENGTH", "a tab behind a value is no part of it (RFC 9110, section 5.5)"},
    {"HPE_INVALID_METHOD", "any token is a method (RFC 9110, section 9.1), which a router may not know"},
    {"HPE_INVALID_TRANSFER_ENCODING", "as of Content-Length"},
};
const reasons laxer_than_node{
    {"HPE_INVALID_CONTENT_LENGTH: Invalid character in Content-Length", "as of http-parser"},
    {"HPE_INVALID_METHOD", "the same"},
    {"HPE_INVALID_TRANSFER_ENCODING: Request has invalid", "the same"},
    {"HPE_INVALID_VERSION", "HTTP/1.9 is a later 1.1 (RFC 9110, section 2.5)"},
    {"HPE_STRICT: Invalid character in chunk extensions", "a chunk's extension is not looked at, so it may be a blank"},
};

/// Compares what Wring makes of requests with what another parser makes of each.
class comparison {
 public:
  comparison(const reasons& stricter, const reasons& laxer) : stricter_(stricter), laxer_(laxer) {}

  void add(const std::string& text, parsed_message theirs) {
    const parsed_message ours = parse_message(text);
    // In HTTP/1.0 the others let keep-alive go before close; RFC 9112, section 9.3, says the opposite.
    if (ours.minor == 0 && !ours.persistent) theirs.persistent = false;
    CAPTURE(text, ours.verdict, theirs.verdict);
    ++count_;
    if (ours.done() && theirs.done()) {
      ++accepted_;
      REQUIRE(written(ours) == written(theirs));
      REQUIRE(ours == theirs);
    } else if (ours.done()) {
      REQUIRE(std::ranges::any_of(laxer_, [&](const auto& r) { return theirs.verdict.starts_with(r.first); }));
    } else if (theirs.done()) {
      REQUIRE(stricter_.contains(ours.verdict));
      met_.insert(ours.verdict);
    }
  }
  /// Many requests were understood.
  void check_accepted() const { CHECK(accepted_ > count_ / 3); }
  /// Nothing is listed that does not happen.
  void check_reasons() const {
    for (const auto& [reason, why] : stricter_) {
      CAPTURE(reason, why);
      if (count_ >= (reason == rare ? 200'000 : 5000)) CHECK(met_.contains(reason));
    }
  }

 private:
  const reasons& stricter_;
  const reasons& laxer_;
  std::set<std::string> met_;
  std::uint64_t count_ = 0;
  std::uint64_t accepted_ = 0;
};

}  // namespace

TEST_CASE("a request is the same wherever it is cut") {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    const std::string text = request_maker(seed).make() + '\n';
    const parsed_message whole = parse_message(text);
    for (std::size_t cut = 0; cut < text.size(); ++cut) {
      std::size_t first = cut;
      const parsed_message parts = parse_message(text, {}, [&] {
        return cut == 0 ? 1 : std::exchange(first, std::string::npos);  // 0: byte by byte
      });
      CAPTURE(text, cut, whole.verdict);
      REQUIRE(parts.verdict == whole.verdict);
      REQUIRE((!whole.done() || parts == whole));
    }
  }
}

TEST_CASE("what is accepted is understood as http-parser does", "[parsers-agree]") {
#if __has_include(<http_parser.h>)
  comparison all(stricter_than_http_parser, laxer_than_http_parser);
  for (std::uint64_t seed = 1; seed <= rounds(5000); ++seed) {
    const std::string text = request_maker(seed).make();
    all.add(text, second_parser(text).found());
  }
  all.check_accepted();
  all.check_reasons();
#else
  SKIP("http-parser is not installed");
#endif
}

TEST_CASE("what is accepted is understood as Node does", "[parsers-agree]") {
  constexpr std::uint64_t at_once = 5000;
  comparison all(stricter_than_node, laxer_than_node);
  const std::uint64_t wanted = rounds(5000);
  for (std::uint64_t seed = 1; seed <= wanted;) {
    std::vector<std::string> texts;
    for (; seed <= wanted && texts.size() < at_once; ++seed) texts.push_back(request_maker(seed).make());
    const auto theirs = node_parser::parse(texts);
    if (!theirs) SKIP("there is no node, or it has another parser than llhttp 9");
    REQUIRE(theirs->size() == texts.size());
    for (std::size_t i = 0; i < texts.size(); ++i) all.add(texts[i], (*theirs)[i]);
  }
  all.check_accepted();
}
