// SPDX-License-Identifier: MIT
#include <array>
#include <cstddef>
#include <cstring>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/protocols/http/detail/head_parser.hpp>
#include <wring/protocols/http/detail/head_store.hpp>
#include <wring/protocols/websocket/detail/deflate.hpp>

using namespace wring::ws;
using namespace wring::ws::detail;

namespace {

/// The fields of a request with these extensions.
class parsed {
 public:
  explicit parsed(std::string_view extensions) {
    std::string text = "GET / HTTP/1.1\r\nHost: a\r\n";
    text.append("Sec-WebSocket-Extensions: ").append(extensions).append("\r\n\r\n");
    wring::http::detail::head_parser parser(wring::http::detail::head_parser::kind::request, {});
    static_cast<void>(parser.feed(std::as_bytes(std::span(text)), store_));
  }
  [[nodiscard]] wring::http::fields fields() const { return store_.all(); }

 private:
  alignas(std::max_align_t) std::array<std::byte, 4096> memory_{};
  wring::http::detail::head_store store_{memory_};
};

std::string chosen(std::string_view offer, compression how = compression::on) {
  const parsed p(offer);
  const auto terms = choose_deflate(p.fields(), how);
  return terms ? deflate_answer(*terms) : "none";
}

std::string answered(std::string_view answer, compression how = compression::on) {
  const parsed p(answer);
  const auto got = read_deflate_answer(p.fields(), how);
  if (got.wrong) return "wrong";
  return got.terms ? deflate_answer(*got.terms) : "none";
}

std::string compressed(deflater& d, std::string_view text, std::size_t piece = std::string::npos) {
  std::string all;
  for (;;) {
    const std::string_view some = text.substr(0, piece);
    text.remove_prefix(some.size());
    std::vector<std::byte> out(deflater::most(some.size()));
    const std::size_t size = d.compress(std::as_bytes(std::span(some)), text.empty(), out.data());
    all.append(reinterpret_cast<const char*>(out.data()), size);
    if (text.empty()) return all;
  }
}

/// In pieces of these sizes; "broken" if it is.
std::string inflated(inflater& i, std::string_view bytes, std::size_t piece = std::string::npos,
                     std::size_t room = 100) {
  std::string all;
  for (;;) {
    const std::string_view some = bytes.substr(0, piece);
    bytes.remove_prefix(some.size());
    i.feed(std::as_bytes(std::span(some)), bytes.empty());
    std::vector<std::byte> out(room);
    for (;;) {
      const inflater::step s = i.inflate(out);
      all.append(reinterpret_cast<const char*>(out.data()), s.written);
      if (s.state == inflater::status::broken) return "broken";
      if (s.state == inflater::status::done) break;
    }
    if (bytes.empty()) return all;
  }
}

}  // namespace

TEST_CASE("what a server agrees to is what RFC 7692, section 7.1, lets it", "[websocket]") {
  const std::string_view usual = "permessage-deflate; server_max_window_bits=12";
  CHECK(chosen("permessage-deflate") == usual);
  CHECK(chosen("Permessage-Deflate ;  client_max_window_bits") == std::string(usual) + "; client_max_window_bits=12");
  CHECK(chosen("permessage-deflate; client_max_window_bits=10") == std::string(usual) + "; client_max_window_bits=10");
  CHECK(chosen("permessage-deflate; client_max_window_bits=\"10\"") ==
        std::string(usual) + "; client_max_window_bits=10");
  CHECK(chosen("permessage-deflate; server_max_window_bits=9") == "permessage-deflate; server_max_window_bits=9");
  CHECK(chosen("permessage-deflate; server_no_context_takeover") ==
        "permessage-deflate; server_no_context_takeover; server_max_window_bits=12");
  CHECK(chosen("permessage-deflate; client_no_context_takeover") ==
        "permessage-deflate; client_no_context_takeover; server_max_window_bits=12");
  CHECK(chosen("permessage-deflate", compression::shared) ==
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=12");
  CHECK(chosen("permessage-deflate", compression::off) == "none");
  // The first that can be taken.
  CHECK(chosen("x-other; a=b, permessage-deflate; unknown, permessage-deflate; server_max_window_bits=10") ==
        "permessage-deflate; server_max_window_bits=10");
  CHECK(chosen(", ,permessage-deflate,") == usual);
  for (const std::string_view declined :
       {"x-other", "permessage-deflate; unknown", "permessage-deflate; server_max_window_bits",
        "permessage-deflate; server_max_window_bits=8", "permessage-deflate; server_max_window_bits=7",
        "permessage-deflate; server_max_window_bits=16", "permessage-deflate; server_max_window_bits=010",
        "permessage-deflate; server_max_window_bits=1x", "permessage-deflate; client_max_window_bits=16",
        "permessage-deflate; server_no_context_takeover=1", "permessage-deflate; client_max_window_bits=",
        "permessage-deflate; server_no_context_takeover; server_no_context_takeover", "permessage-deflate=1",
        "permessage-deflate; client_max_window_bits=\"10", "permessage-deflate;", "permessage-deflate x"}) {
    CAPTURE(declined);
    CHECK(chosen(declined) == "none");
  }
}

TEST_CASE("a client takes what answers its offer, and nothing else", "[websocket]") {
  CHECK(deflate_offer(compression::on) == "permessage-deflate; client_max_window_bits");
  CHECK(answered("permessage-deflate") == "permessage-deflate");
  CHECK(
      answered("permessage-deflate; server_max_window_bits=8; client_max_window_bits=9; server_no_context_takeover") ==
      "permessage-deflate; server_no_context_takeover; server_max_window_bits=8; client_max_window_bits=9");
  CHECK(answered("permessage-deflate; server_no_context_takeover", compression::shared) ==
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover");
  CHECK(answered("permessage-deflate", compression::off) == "wrong");
  CHECK(answered("permessage-deflate", compression::shared) == "wrong");
  for (const std::string_view wrong :
       {"x-other", "permessage-deflate, permessage-deflate", "permessage-deflate; client_max_window_bits",
        "permessage-deflate; client_max_window_bits=8", "permessage-deflate; unknown", "permessage-deflate; ="}) {
    CAPTURE(wrong);
    CHECK(answered(wrong) == "wrong");
  }
}

TEST_CASE("the examples of RFC 7692, section 7.2.3, are inflated", "[websocket]") {
  using namespace std::string_literals;
  inflater i({});
  CHECK(inflated(i, "\xf2\x48\xcd\xc9\xc9\x07\x00"s) == "Hello");
  CHECK(inflated(i, "\xf2\x00\x11\x00\x00"s) == "Hello");  // from the message before
  CHECK(inflated(i, "\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00"s) == "Hello");
  CHECK(inflated(i, "\xf3\x48\xcd\xc9\xc9\x07\x00\x00"s) == "Hello");  // a last block
  CHECK(inflated(i, "\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00"s) == "Hello");
  CHECK(inflated(i, "\x02\x00"s).empty());
  inflater alone({.window_bits = 15, .keeps_context = false});
  CHECK(inflated(alone, "\xf2\x48\xcd\xc9\xc9\x07\x00"s) == "Hello");
  CHECK(inflated(alone, "\xf2\x00\x11\x00\x00"s) == "broken");  // there is none before
}

TEST_CASE("nothing is compressed to an empty block, as often as it is sent", "[websocket]") {
  deflater to({});
  inflater from({});
  for (int i = 0; i != 4; ++i) {
    const std::string bytes = compressed(to, i == 2 ? "something" : "");
    CHECK_FALSE(bytes.empty());
    CHECK(inflated(from, bytes) == (i == 2 ? "something" : ""));
  }
}

TEST_CASE("messages without a context stand alone, though one compressor makes them for all", "[websocket]") {
  const std::string text(2000, 'x');
  const deflate_terms::direction alone{.window_bits = 12, .keeps_context = false};
  deflater one(alone);
  deflater two(alone);
  const std::string first = compressed(one, text);
  // One that comes in pieces keeps what it refers to, whatever others send between them.
  std::vector<std::byte> begun(deflater::most(text.size()));
  begun.resize(one.compress(std::as_bytes(std::span(text)), false, begun.data()));
  CHECK(compressed(two, text) == first);
  std::vector<std::byte> ended(deflater::most(text.size()));
  ended.resize(one.compress(std::as_bytes(std::span(text)), true, ended.data()));
  begun.insert(begun.end(), ended.begin(), ended.end());
  inflater whole(alone);
  CHECK(inflated(whole, {reinterpret_cast<const char*>(begun.data()), begun.size()}) == text + text);
  CHECK(compressed(one, text) == first);
  std::vector<std::byte> narrow(deflater::most(text.size()));
  narrow.resize(deflater::compress_alone(9, std::as_bytes(std::span(text)), narrow.data()));
  inflater of_nine({.window_bits = 9, .keeps_context = false});
  CHECK(inflated(of_nine, {reinterpret_cast<const char*>(narrow.data()), narrow.size()}) == text);
}

TEST_CASE("what is compressed is inflated again, whatever the pieces", "[websocket]") {
  std::mt19937 random(5);
  for (const bool keeps : {true, false}) {
    for (const std::uint8_t bits : {std::uint8_t{9}, std::uint8_t{12}, std::uint8_t{15}}) {
      const deflate_terms::direction d{bits, keeps};
      deflater to(d);
      inflater from(d);
      for (unsigned round = 0; round != 40; ++round) {
        std::string text(random() % 6000, 'a');
        const unsigned letters = round % 4 == 0 ? 256 : 4;
        for (char& c : text) c = static_cast<char>(random() % letters);
        if (round == 17) to.forget();
        const std::string bytes = compressed(to, text, round % 2 == 0 ? std::string::npos : 700);
        CHECK(bytes.size() <= deflater::most(text.size()) + text.size() / 60 + 60);
        const std::string again =
            inflated(from, bytes, round % 3 == 0 ? 1 + random() % 50 : std::string::npos, 1 + random() % 3000);
        if (again != text) FAIL("round " << round);
      }
    }
  }
}
