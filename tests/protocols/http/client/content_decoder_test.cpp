// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>
#include <zlib.h>
#if WRING_HAS_BROTLI
#include <brotli/encode.h>
#endif
#if WRING_HAS_ZSTD
#include <zstd.h>
#endif

#include <catch2/catch_test_macros.hpp>

#include <wring/core/testing/task_test.hpp>
#include <wring/protocols/http/client/detail/content_decoder.hpp>

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

/// A coding that the build knows, and what packs with it.
struct packing {
  std::string name;
  std::function<std::string(std::string_view)> packed;
  bool several;  ///< whether one may follow the other
};

std::vector<packing> packings() {
  std::vector<packing> all{
      {"gzip", [](std::string_view text) { return packed(text, gzip); }, true},
      {"x-GZIP", [](std::string_view text) { return packed(text, gzip); }, true},
      {"deflate", [](std::string_view text) { return packed(text, zlib); }, false},
      {"deflate", [](std::string_view text) { return packed(text, raw); }, false},
  };
#if WRING_HAS_BROTLI
  const auto brotli = [](std::string_view text) {
    std::string out(BrotliEncoderMaxCompressedSize(text.size()) + 64, '\0');
    std::size_t size = out.size();
    REQUIRE(BrotliEncoderCompress(5, BROTLI_DEFAULT_WINDOW, BROTLI_MODE_GENERIC, text.size(),
                                  reinterpret_cast<const std::uint8_t*>(text.data()), &size,
                                  reinterpret_cast<std::uint8_t*>(out.data())) == BROTLI_TRUE);
    out.resize(size);
    return out;
  };
  all.push_back({"br", brotli, false});
#endif
#if WRING_HAS_ZSTD
  const auto zstd = [](std::string_view text) {
    std::string out(ZSTD_compressBound(text.size()), '\0');
    const std::size_t size = ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3);
    REQUIRE(ZSTD_isError(size) == 0);
    out.resize(size);
    return out;
  };
  all.push_back({"zstd", zstd, true});
#endif
  return all;
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
      CHECK(rs.header("content-encoding").has_value() == (!decodes || coding == "compress" || body.empty()));
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
  for (const packing& p : packings()) {
    CAPTURE(p.name);
    const std::string body = p.packed(text);
    const std::string whole = co_await fetched(p.name, body);
    CHECK(whole == text);
    const std::string cut = co_await fetched(p.name, body, {.read_chunk = 7, .chunk_seed = 3});
    CHECK(cut == text);
    const std::string members = co_await fetched(p.name, p.packed("one ") + p.packed("two"));
    if (p.several) CHECK(members == "one two");
    if (!p.several) CHECK(members.starts_with("fault: "));
    const std::string nothing = co_await fetched(p.name, "");
    CHECK(nothing.empty());
    const std::string empty = co_await fetched(p.name, p.packed(""));
    CHECK(empty.empty());
  }
}

TASK_TEST("what the build can decode is what it asks for", "[http]") {
  using http::detail::content_decoder;
  std::string names = "gzip, deflate";
  if (WRING_HAS_BROTLI != 0) names += ", br";
  if (WRING_HAS_ZSTD != 0) names += ", zstd";
  CHECK(content_decoder::known() == names);
  CHECK((content_decoder::coding_of("BR") == content_decoder::coding::brotli) == (WRING_HAS_BROTLI != 0));
  CHECK((content_decoder::coding_of(" zstd") == content_decoder::coding::zstd) == (WRING_HAS_ZSTD != 0));
  CHECK(content_decoder::coding_of("br, gzip") == content_decoder::coding::none);
  co_await yield();
}

TASK_TEST("what is not known, or not wanted, is left as it is", "[http]") {
  const std::string other = co_await fetched("compress", "bytes");
  CHECK(other == "bytes");
  const std::string body = packed("text", gzip);
  const std::string asked = co_await fetched("gzip", body, {}, 1000, false);
  CHECK(asked == body);
}

TASK_TEST("a compressed body that is cut, broken or followed by something is a fault", "[http]") {
  for (const packing& p : packings()) {
    CAPTURE(p.name);
    const std::string body = p.packed(std::string(1000, 'x'));
    for (std::size_t size = 1; size < body.size(); ++size) {
      CAPTURE(size);
      const std::string cut = co_await fetched(p.name, body.substr(0, size));
      CHECK(cut.starts_with("fault: "));
    }
    const std::string garbage = co_await fetched(p.name, "no such coding at all");
    CHECK(garbage.starts_with("fault: "));
    const std::string more = co_await fetched(p.name, body + "more");
    CHECK(more.starts_with("fault: "));
  }
}

TASK_TEST("a body that grows beyond measure ends at its reader's limit", "[http]") {
  for (const packing& p : packings()) {
    CAPTURE(p.name);
    const std::string bomb = p.packed(std::string(std::size_t{64} << 20, '\0'));
    REQUIRE(bomb.size() < 100'000);
    const std::size_t before = scheduler::current().blocks().stats().allocated;
    const std::string text = co_await fetched(p.name, bomb, {}, std::size_t{1} << 20);
    CHECK(text.starts_with("fault: "));
    CHECK(text.find("pass a larger limit") != std::string::npos);
    CHECK(scheduler::current().blocks().stats().allocated - before < 10);
  }
}

#if WRING_HAS_ZSTD
TASK_TEST("a window that the coding does not allow is a fault, and no memory", "[http]") {
  // RFC 9659: 8 MiB. One of 2^27 bytes would have to be kept while the body is read.
  ZSTD_CCtx* const coder = ZSTD_createCCtx();
  REQUIRE(ZSTD_isError(ZSTD_CCtx_setParameter(coder, ZSTD_c_windowLog, 27)) == 0);
  const std::string text(std::size_t{1} << 20, 'x');
  std::string out(ZSTD_compressBound(text.size()), '\0');
  ZSTD_inBuffer in{.src = text.data(), .size = text.size(), .pos = 0};
  ZSTD_outBuffer to{.dst = out.data(), .size = out.size(), .pos = 0};
  while (in.pos < in.size) {
    REQUIRE(ZSTD_isError(ZSTD_compressStream2(coder, &to, &in, ZSTD_e_continue)) == 0);
  }
  REQUIRE(ZSTD_compressStream2(coder, &to, &in, ZSTD_e_end) == 0);
  ZSTD_freeCCtx(coder);
  out.resize(to.pos);
  const std::string refused = co_await fetched("zstd", out, {}, std::size_t{8} << 20);
  CHECK(refused.starts_with("fault: "));
}
#endif
