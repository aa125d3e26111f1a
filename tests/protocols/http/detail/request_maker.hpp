// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <random>
#include <string>
#include <string_view>

namespace wring::tests {

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
        text.insert(at, 1, std::string_view("\r\n :;,\t\0", 8)[pick(8)]);
    }
  }

  std::mt19937_64 random_;
  std::size_t wrong_ = 1;
};

}  // namespace wring::tests
