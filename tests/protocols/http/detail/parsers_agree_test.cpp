// SPDX-License-Identifier: MIT
// Requests made at random of parts that have been used in attacks, taken apart by Wring's parsers and by http-parser,
// from which Node's came. What Wring accepts, the other one understands in the same way; where Wring refuses what the
// other one takes, it is for one of the reasons that are listed here.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <initializer_list>
#include <map>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include <catch2/catch_test_macros.hpp>

#include "parsed_message.hpp"
#if __has_include(<http_parser.h>)
#include "second_parser.hpp"
#endif

using namespace std::string_view_literals;
using namespace wring::tests;

namespace {

/// Text of a request, of parts that are often right and sometimes not.
class request_maker {
 public:
  explicit request_maker(std::uint64_t seed) : random_(seed) {}

  std::string make() {
    wrong_ = pick(3) == 0 ? 6 : 1;
    std::string text =
        any({"GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS"}, {"PURE", "get", "", "G@T", "GET ", " GET", "\r\nGET"});
    text += ' ';
    text += any({"/", "/a?b=c", "/%41", "http://a/"},
                {"*", "ftp://a/", "/?\"#", "/?#", "", "a", "/ b", "/\x01", "/\x80", "/#f", "http:///", "/%zz"});
    text += any({" HTTP/1.1"},
                {" HTTP/1.0", " HTTP/2.0", " HTTP/1.9", "", "  HTTP/1.1", " http/1.1", " HTTP/1.1 ", " HTTP/11"});
    text += line_end();
    text += any({"Host: a\r\n", "Host: a:80\r\n", "host:[::1]\r\n"},
                {"", "Host: a\r\nHost: a\r\n", "Host : a\r\n", "Host: a b\r\n", "Host: @\r\n"});
    const bool chunked = pick(2) == 0;
    std::string body = chunked ? chunks() : std::string(pick(12), 'b');
    if (chunked) {
      text += any({"Transfer-Encoding: chunked"},
                  {"Transfer-Encoding: Chunked", "transfer-encoding:chunked ", "Transfer-Encoding: gzip, chunked",
                   "Transfer-Encoding: chunked, gzip", "Transfer-Encoding: identity", "Transfer-Encoding: xchunked",
                   "Transfer-Encoding: ,chunked", "Transfer-Encoding: chunked;a=b", "Transfer-Encoding : chunked",
                   "Transfer-Encoding: \xa0"
                   "chunked",
                   "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
                   "Transfer-Encoding: chunked\r\nContent-Length: 3"});
      text += line_end();
    } else if (!body.empty()) {
      const std::string size = std::to_string(body.size());
      text += any({"Content-Length: " + size},
                  {"Content-Length: +" + size, "Content-Length: -" + size, "Content-Length: 0x" + size,
                   "Content-Length: " + size + ", " + size, "Content-Length: ", "Content-Length: " + size + " ",
                   "Content-Length:\t" + size, "Content-Length: " + size + "\r\nContent-Length: " + size,
                   "Content-Length: 9223372036854775808", "Content-Length: 18446744073709551617", "Content-Length: 1_0",
                   "Content-Length: " + size + " 1", "Content-Length\x0b: " + size, "Content-Length: 0" + size});
      text += line_end();
    }
    for (std::size_t left = pick(4); left != 0; --left) {
      text += any(
          {"X: y", "Accept: */*", "Connection: close", "Connection: keep-alive", "A: ", "B:c  ", "C: \xe9", "D: \t e"},
          {"X y", ": y", "X\x7f: y", " folded", "X: \x01", "X: a\rb", "X: a\nb", "X : y", "X\t: y", "\tX: y", "X: \x7f",
           "Connection: x-a, close", "\xe9: y"});
      text += line_end();
    }
    text += line_end() + body;
    for (std::size_t left = pick(12) == 0 ? 1 + pick(3) : 0; left != 0 && !text.empty(); --left) damage(text);
    return text + "GET /next HTTP/1.1\r\nHost: b\r\n\r\n";
  }

 private:
  std::size_t pick(std::size_t below) { return random_() % below; }
  std::string any(std::initializer_list<std::string> right, std::initializer_list<std::string> wrong) {
    const auto& from = pick(40) < wrong_ ? wrong : right;
    return *(from.begin() + static_cast<std::ptrdiff_t>(pick(from.size())));
  }
  std::string line_end() { return any({"\r\n"}, {"\n", "\r", "\r\r\n", "", "\r\n\r\n", "\n\r\n"}); }
  std::string chunks() {
    std::string text;
    for (std::size_t left = pick(3); left != 0; --left) {
      const std::string data(1 + pick(20), 'c');
      constexpr char digits[] = "0123456789abcdef";
      std::string size;
      for (std::size_t rest = data.size(); rest != 0; rest /= 16) size.insert(size.begin(), digits[rest % 16]);
      text += any({size, "0" + size}, {"+" + size, "-" + size, "0x" + size, " " + size, size + " ", "",
                                       "ffffffffffffffff" + size, size + "g", "1_0"});
      text += any({""}, {";a=b", ";a=\"b\"", " ;a", ";a\x01", ";a\nb", ";a\rb", "; "});
      text += line_end() + data + any({"\r\n"}, {"\n", "XX", "", "\r\r\n", "\r"});
    }
    return text + "0" + line_end() +
           any({"", "", "T: u\r\n"}, {"T : u\r\n", " T: u\r\n", "Content-Length: 3\r\n", "T: \x01\r\n"}) + line_end();
  }
  void damage(std::string& text) {
    const std::size_t at = pick(text.size());
    switch (pick(3)) {
      case 0:
        text[at] = static_cast<char>(pick(256));
        break;
      case 1:
        text.erase(at, 1);
        break;
      default:
        text.insert(at, 1, "\r\n :;,\t\0"sv[pick(8)]);
    }
  }

  std::mt19937_64 random_;
  std::size_t wrong_ = 1;
};

std::uint64_t rounds(std::uint64_t usual) {
  const char* const set = std::getenv("WRING_TEST_ROUNDS");
  return set != nullptr ? std::strtoull(set, nullptr, 10) : usual;
}

#if __has_include(<http_parser.h>)
/// What Wring refuses although http-parser takes it, and why.
const std::map<std::string, std::string_view> stricter{
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

#if __has_include(<http_parser.h>)
TEST_CASE("what is accepted is understood as another parser does", "[parsers-agree]") {
  std::set<std::string> refused;
  std::uint64_t accepted = 0;
  const std::uint64_t wanted = rounds(5000);
  for (std::uint64_t seed = 1; seed <= wanted; ++seed) {
    const std::string text = request_maker(seed).make();
    const parsed_message ours = parse_message(text);
    const parsed_message theirs = second_parser(text).found();
    CAPTURE(seed, text, ours.verdict, theirs.verdict);
    if (ours.done() && theirs.done()) {
      ++accepted;
      REQUIRE(written(ours) == written(theirs));
      REQUIRE(ours == theirs);
    } else if (ours.done()) {
      // It has a list of methods. For Wring any token is one (RFC 9110, section 9.1), which a router may not know.
      REQUIRE(theirs.verdict == "HPE_INVALID_METHOD");
    } else if (theirs.done()) {
      REQUIRE(stricter.contains(ours.verdict));
      refused.insert(ours.verdict);
    }
  }
  CHECK(accepted > wanted / 3);
  for (const auto& [reason, why] : stricter) {
    CAPTURE(reason, why);
    if (wanted >= 5000) CHECK(refused.contains(reason));
  }
}
#else
TEST_CASE("what is accepted is understood as another parser does", "[parsers-agree]") {
  SKIP("http-parser is not installed");
}
#endif
