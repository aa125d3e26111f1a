// SPDX-License-Identifier: MIT
#include <span>
#include <string>
#include <string_view>

#include <catch2/catch_test_macros.hpp>

#include <wring/protocols/http/detail/chunked_decoder.hpp>

using namespace std::string_view_literals;
using wring::http::detail::chunked_decoder;

namespace {

/// The data and what is left behind the last chunk; or why it is refused; fed in pieces.
std::string decoded(std::string_view text, std::size_t first = std::string_view::npos,
                    std::size_t step = std::string_view::npos) {
  chunked_decoder decoder;
  std::string data;
  for (std::size_t at = 0; at != text.size();) {
    std::string_view piece = text.substr(at, first);
    first = step;
    while (!piece.empty()) {
      const auto got = decoder.feed(std::as_bytes(std::span(piece)));
      if (got.state == chunked_decoder::status::refused) return "refused";
      data += piece.substr(got.consumed - got.data, got.data);
      at += got.consumed;
      piece.remove_prefix(got.consumed);
      if (got.state == chunked_decoder::status::trailers) return data + "|" + std::string(text.substr(at));
    }
  }
  return "incomplete";
}

}  // namespace

TEST_CASE("a chunked body is taken apart, however it is cut") {
  const std::string text = "5\r\nhello\r\n0000007;a=\"b\"\r\n, world\r\n1\r\n!\r\n0\r\nTrailer: x\r\n\r\n";
  const std::string whole = "hello, world!|Trailer: x\r\n\r\n";
  CHECK(decoded(text) == whole);
  CHECK(decoded(text, 1, 1) == whole);
  for (std::size_t cut = 1; cut < text.size(); ++cut) CHECK(decoded(text, cut) == whole);
  CHECK(decoded("a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n") == "01234567890123456789|\r\n");
}

TEST_CASE("what a chunk's size and its line may not be") {
  for (const std::string_view text : {"+5\r\n"sv,
                                      "-5\r\n"sv,
                                      "0x5\r\n"sv,
                                      " 5\r\n"sv,
                                      "5 \r\n"sv,
                                      "5 ;a\r\n"sv,
                                      "\r\n"sv,
                                      ";a\r\n"sv,
                                      "g\r\n"sv,
                                      "5g\r\n"sv,
                                      "5\n"sv,
                                      "5\r5"sv,
                                      "5;a\nb"sv,
                                      "5;a\rb"sv,
                                      "5;a\x01"sv,
                                      "5;\0"sv,
                                      "00000000000000005\r\n"sv,
                                      "8000000000000000\r\n"sv,
                                      "ffffffffffffffff\r\n"sv,
                                      "1\r\nab\r\n"sv,
                                      "1\r\na\n"sv,
                                      "1\r\na\r\r"sv,
                                      "1\r\naXX0\r\n"sv,
                                      "5_0\r\n"sv}) {
    CAPTURE(text);
    CHECK(decoded(text) == "refused");
    CHECK(decoded(text, 1, 1) == "refused");
  }
  CHECK(decoded("7fffffffffffffff\r\n") == "incomplete");
  CHECK(decoded("0000000000000000\r\n\r\n") == "|\r\n");
}

TEST_CASE("extensions are bounded") {
  const auto line = [](std::size_t size) { return "0;" + std::string(size - 2, 'x') + "\r\n"; };
  CHECK(decoded(line(chunked_decoder::most_line)) == "|");
  CHECK(decoded(line(chunked_decoder::most_line + 1)) == "refused");
  const auto chunks = [](std::size_t extensions) {
    std::string text;
    for (; extensions > 200; extensions -= 200) text += "1;" + std::string(199, 'x') + "\r\na\r\n";
    return text + "0;" + std::string(extensions - 1, 'x') + "\r\n";
  };
  CHECK(decoded(chunks(chunked_decoder::most_extensions)).ends_with("a|"));
  CHECK(decoded(chunks(chunked_decoder::most_extensions + 1)) == "refused");
}
