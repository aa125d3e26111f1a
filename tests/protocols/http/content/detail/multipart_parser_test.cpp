// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstddef>
#include <random>
#include <span>
#include <string>
#include <string_view>

#include <catch2/catch_test_macros.hpp>

#include <wring/protocols/http/content/detail/multipart_parser.hpp>

using namespace wring;
using http::detail::multipart_parser;
using status = multipart_parser::status;

namespace {

/// What comes of a body that is cut into pieces: "{fields}data" for each part, and how it ends.
std::string parsed(std::string_view body, std::size_t first, std::size_t step, std::string_view boundary = "B",
                   std::size_t head = 200) {
  multipart_parser p(boundary, head);
  std::string all;
  while (!body.empty()) {
    const std::string piece(body.substr(0, first));
    body.remove_prefix(piece.size());
    first = step;
    std::span<const std::byte> left = std::as_bytes(std::span(piece));
    while (!left.empty()) {
      const multipart_parser::step s = p.feed(left);
      if (s.consumed > left.size()) return "consumed too much";
      left = left.subspan(s.consumed);
      switch (s.state) {
        case status::more:
          if (!left.empty()) return "left something";
          break;
        case status::head:
          all += "{";
          for (const http::field f : p.headers()) all += std::string(f.name) + "=" + std::string(f.value) + ";";
          all += "}";
          break;
        case status::data:
          if (s.data.empty()) return "no data";
          all.append(reinterpret_cast<const char*>(s.data.data()), s.data.size());
          break;
        case status::part_end:
          all += "|";
          break;
        case status::end:
          all += "end";
          if (!p.take_epilogue(left)) return all + " and more";
          for (std::size_t i = 0; i < body.size(); ++i) {
            if (!p.take_epilogue(std::as_bytes(std::span(body)).subspan(i, 1))) return all + " and more";
          }
          return all;
        case status::refused:
          return all + std::to_string(p.why().status);
      }
    }
  }
  return all + "...";
}

/// The same however it is cut.
std::string parsed(std::string_view body, std::string_view boundary = "B", std::size_t head = 200) {
  const std::string whole = parsed(body, body.size(), body.size(), boundary, head);
  for (std::size_t first = 1; first < body.size(); ++first) {
    const std::string two = parsed(body, first, body.size(), boundary, head);
    if (two != whole) return "cut at " + std::to_string(first) + ": " + two + " instead of " + whole;
  }
  for (std::size_t step = 1; step < 9; ++step) {
    const std::string pieces = parsed(body, step, step, boundary, head);
    if (pieces != whole) return "in steps of " + std::to_string(step) + ": " + pieces + " instead of " + whole;
  }
  return whole;
}

}  // namespace

TEST_CASE("multipart bodies are taken apart, however they are cut") {
  CHECK(parsed("--B\r\nA: x\r\n\r\none\r\n--B\r\nB: y\r\nC: z\r\n\r\ntwo\r\n--B--\r\n") ==
        "{a=x;}one|{b=y;c=z;}two|end");
  CHECK(parsed("--B\r\nA: x\r\n\r\none\r\n--B--") == "{a=x;}one|end");
  CHECK(parsed("\r\n--B\r\nA: x\r\n\r\n\r\n--B--\r\n") == "{a=x;}|end");
  CHECK(parsed("--B--") == "end");
  CHECK(parsed("--B\r\n\r\nx\r\n--B--") == "{}x|end");
  CHECK(parsed("--B\r\nContent-Length: 7\r\nHost: a\r\n\r\nx\r\n--B--") == "{content-length=7;host=a;}x|end");
  // What looks like a boundary, and is data.
  CHECK(parsed("--B\r\n\r\n\r\n\r\n-\r\n--\r\n--A\r\r\n--C--B--B\r\n--B--") ==
        "{}\r\n\r\n-\r\n--\r\n--A\r\r\n--C--B--B|end");
  CHECK(parsed("--B\r\n\r\n\r\r\r\n\r\n--B--") == "{}\r\r\r\n|end");
  CHECK(parsed("--aab\r\n\r\n\r\n--aaab\r\n--aa\r\n--aab--", "aab") == "{}\r\n--aaab\r\n--aa|end");
  CHECK(parsed("--B\r\n\r\na\n--B\nb\r\n--B--") == "{}a\n--B\nb|end");
}

TEST_CASE("what is no multipart body is refused") {
  CHECK(parsed("x--B--") == "400");
  CHECK(parsed("preamble\r\n--B--") == "400");
  CHECK(parsed("\n--B--") == "400");
  CHECK(parsed("--C\r\n") == "400");
  CHECK(parsed("--B \r\n") == "400");
  CHECK(parsed("--B\n") == "400");
  CHECK(parsed("--B\rx") == "400");
  CHECK(parsed("--B-x") == "400");
  CHECK(parsed("--BB\r\n") == "400");
  CHECK(parsed("--B\r\nA x\r\n\r\n") == "400");
  CHECK(parsed("--B\r\nA : x\r\n\r\n") == "400");
  CHECK(parsed("--B\r\nA: x\n\r\n\r\n") == "400");
  CHECK(parsed("--B\r\nA: x\r\n y\r\n\r\n") == "400");
  CHECK(parsed("--B\r\n\r\nx\r\n--Bx") == "{}x|400");
  CHECK(parsed("--B--\r\nx") == "end and more");
  CHECK(parsed("--B--x") == "end and more");
  CHECK(parsed("--B--\r\n\r\n") == "end and more");
  CHECK(parsed("--B\r\n\r\nx\r\n--B") == "{}x|...");
  CHECK(parsed("--B\r\n\r\nx") == "{}x...");
  // Limits of heads.
  CHECK(parsed("--B\r\nA: " + std::string(193, 'x') + "\r\n\r\n\r\n--B--").starts_with("{a="));
  CHECK(parsed("--B\r\nA: " + std::string(300, 'x') + "\r\n\r\n\r\n--B--") == "413");
  std::string many = "--B\r\n";
  for (int i = 0; i < 17; ++i) many += "A: x\r\n";
  CHECK(parsed(many + "\r\n\r\n--B--") == "413");
}

TEST_CASE("random data comes through, whatever it is made of") {
  std::mt19937 random(7);
  for (int round = 0; round < 300; ++round) {
    std::string data;
    const std::size_t size = random() % 200;
    while (data.size() < size) data += std::string_view("\r\n--Bx\r\r\n").substr(random() % 9, random() % 5);
    if (data.find("\r\n--B") != std::string::npos || data.starts_with("--B")) continue;
    const std::string got = parsed("--B\r\n\r\n" + data + "\r\n--B--");
    if (("\r\n" + data + "\r\n--B").find("\r\n--B") != data.size() + 2) continue;  // the data's end and the boundary's
    CHECK(got == "{}" + data + "|end");
  }
}

TEST_CASE("boundaries and dispositions") {
  using http::detail::boundary_of;
  CHECK(boundary_of("multipart/form-data; boundary=abc") == "abc");
  CHECK(boundary_of("Multipart/Form-Data;charset=x; BOUNDARY=\"a b:c\"") == "a b:c");
  CHECK(boundary_of("multipart/form-data; boundary=" + std::string(70, 'x')) == std::string(70, 'x'));
  for (const std::string_view bad :
       {"", "multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=\"\"",
        "multipart/form-data; boundary=a; boundary=b", "multipart/form-data; boundary=\"a",
        "multipart/form-data boundary=a", "multipart/form-data; boundary=\"a \"",
        "multipart/form-data; boundary=\"a\r\n\"", "multipart/mixed; boundary=a", "multipart/form-data; boundary=a b",
        "multipart/form-data; boundary=\"a;\""}) {
    CAPTURE(bad);
    CHECK_FALSE(boundary_of(bad));
  }
  CHECK_FALSE(boundary_of("multipart/form-data; boundary=" + std::string(71, 'x')));

  using http::detail::parse_disposition;
  const auto d = [](std::string_view text) -> std::string {
    const auto got = parse_disposition(text);
    if (!got) return "none";
    return got->name + (got->filename ? "|" + *got->filename : "");
  };
  CHECK(d("form-data; name=\"a\"") == "a");
  CHECK(d("form-data; name=a") == "a");
  CHECK(d("Form-Data ; name=\"a b\" ; filename=\"x.txt\"") == "a b|x.txt");
  CHECK(d("form-data; filename=\"\"; name=\"a\"") == "a|");
  CHECK(d(R"(form-data; name="a\"b"; filename="C:\x\\y")") == R"(a"b|C:\x\y)");
  CHECK(d("form-data; name=\"a%22b%0D%0Ac%41\"") == "a\"b\r\nc%41");
  CHECK(d("form-data; name=\"\xc3\xa4\"; filename*=UTF-8''x") == "\xc3\xa4");
  for (const char* bad :
       {"", "form-data", "attachment; name=\"a\"", "form-data; name=\"a", "form-data; name=\"a\"; name=\"b\"",
        "form-data; name=\"a\" x", "form-data, name=\"a\"", "form-data; filename=\"a\""}) {
    CAPTURE(bad);
    CHECK(d(bad) == "none");
  }
}
