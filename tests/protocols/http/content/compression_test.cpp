// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <zlib.h>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/testing/task_test.hpp>
#include <wring/protocols/http/client/detail/content_decoder.hpp>
#include <wring/protocols/http/content/compression.hpp>
#include <wring/protocols/http/content/content_encoder.hpp>
#include <wring/protocols/http/content/static_files.hpp>
#include <wring/protocols/http/status.hpp>

#include "../http_support.hpp"
#include "support/temporary_folder.hpp"

using namespace wring;
using namespace wring::tests;
using http::request;
using http::response;

namespace {

/// What zlib makes of it; the whole must be one gzip member, or, `partial`, what there is of one.
std::string unzipped(std::string_view text, bool partial = false) {
  ::z_stream z{};
  REQUIRE(::inflateInit2(&z, MAX_WBITS + 16) == Z_OK);
  std::string all(text);
  std::string out(8'000'000, '\0');
  z.next_in = reinterpret_cast<::Bytef*>(all.data());
  z.avail_in = static_cast<::uInt>(all.size());
  z.next_out = reinterpret_cast<::Bytef*>(out.data());
  z.avail_out = static_cast<::uInt>(out.size());
  const int r = ::inflate(&z, Z_SYNC_FLUSH);
  CHECK(r == (partial ? Z_OK : Z_STREAM_END));
  CHECK(z.avail_in == 0);
  out.resize(out.size() - z.avail_out);
  ::inflateEnd(&z);
  return out;
}

std::string body_of(const std::string& answer) { return answer.substr(answer.find("\r\n\r\n") + 4); }

std::string unchunked(std::string text) {
  std::string all;
  for (;;) {
    const std::size_t size = std::stoul(text, nullptr, 16);
    const std::size_t begin = text.find("\r\n") + 2;
    if (size == 0) return all;
    all += text.substr(begin, size);
    text.erase(0, begin + size + 2);
  }
}

bool has(const std::string& answer, std::string_view line) {
  return answer.substr(0, answer.find("\r\n\r\n") + 2).find("\r\n" + std::string(line) + "\r\n") != std::string::npos;
}

const std::string gzip = "GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n";
const std::string plain = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

std::string long_text(std::size_t size = 100'000) {
  std::string text;
  while (text.size() < size) text += "line " + std::to_string(text.size() * 7919 % 10007) + "\n";
  return text;
}

template <class Handler>
task<std::string> answer_of(Handler h, std::string asked = gzip, http::compression_options options = {}) {
  http::router r;
  r.use(http::compression(options));
  r.any("/", h);
  co_return co_await answers(r, std::move(asked), {.half_close_grace = wring::forever});
}

}  // namespace

TASK_TEST("whole answers are compressed where the client accepts it", "[http]") {
  const std::string text = long_text();
  const auto h = [&](request&, response& rs) {
    rs.header("ETag", "\"1\"");
    rs.text(text);
  };
  std::string got = co_await answer_of(h);
  CHECK(has(got, "Content-Encoding: gzip"));
  CHECK(has(got, "Vary: Accept-Encoding"));
  CHECK(has(got, "ETag: W/\"1\""));
  CHECK(has(got, "Content-Length: " + std::to_string(body_of(got).size())));
  CHECK(body_of(got).size() < text.size() / 2);
  CHECK((unzipped(body_of(got)) == text));
  const std::string size = std::to_string(body_of(got).size());
  got = co_await answer_of(h, "HEAD / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n");
  CHECK(has(got, "Content-Encoding: gzip"));
  CHECK(has(got, "Content-Length: " + size));
  CHECK(body_of(got).empty());
  for (const char* field : {"", "Accept-Encoding: gzip;q=0\r\n", "Accept-Encoding: compress\r\n",
                            "Accept-Encoding: identity, gzip;q=0.5\r\n"}) {
    CAPTURE(field);
    got = co_await answer_of(h, "GET / HTTP/1.1\r\nHost: a\r\n" + std::string(field) + "\r\n");
    CHECK(has(got, "Vary: Accept-Encoding"));
    CHECK(has(got, "ETag: \"1\""));
    CHECK((body_of(got) == text));
  }
  // One after the other, with compressors that were used before.
  got = co_await answer_of(h, gzip + gzip + plain + gzip);
  CHECK(statuses(got) == "200 200 200 200");
}

TASK_TEST("answers in pieces are compressed, and each piece arrives at once", "[http]") {
  const std::string text = long_text(300'000);
  const auto h = [&](request&, response& rs) -> task<> {
    rs.header("Content-Type", "text/plain");
    co_await rs.write_all("first ");
    co_await rs.write_all("");
    co_await rs.write_all(text);
    rs.trailer("Checked", "yes");
  };
  std::string got = co_await answer_of(h);
  CHECK(has(got, "Content-Encoding: gzip"));
  CHECK(has(got, "Transfer-Encoding: chunked"));
  CHECK(got.ends_with("0\r\nChecked: yes\r\n\r\n"));
  CHECK((unzipped(unchunked(body_of(got))) == "first " + text));
  got = co_await answer_of(h, "GET / HTTP/1.0\r\nAccept-Encoding: gzip\r\n\r\n");
  CHECK((unzipped(body_of(got)) == "first " + text));
  got = co_await answer_of(h, "HEAD / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n");
  CHECK(has(got, "Content-Encoding: gzip"));
  CHECK(body_of(got).empty());
  got = co_await answer_of([&](request&, response& rs) -> task<> {
    rs.header("Content-Type", "text/plain").content_length(text.size());
    co_await rs.write_all(text);
    co_await rs.shut_down_write();
  });
  CHECK_FALSE(has(got, "Content-Length: " + std::to_string(text.size())));
  CHECK((unzipped(unchunked(body_of(got))) == text));
  // A handler that fails half way does not end the body: what was sent can be decoded, and is not the whole.
  got = co_await answer_of([](request&, response& rs) -> task<> {
    rs.header("Content-Type", "text/plain");
    co_await rs.write_all("half");
    throw std::runtime_error("x");
  });
  CHECK_FALSE(got.ends_with("0\r\n\r\n"));
  CHECK((unzipped(unchunked(body_of(got) + "0\r\n"), true) == "half"));
}

TASK_TEST("what must not be compressed is not", "[http]") {
  const std::string text = long_text();
  struct row {
    const char* what;
    const char* name;
    const char* value;
  };
  for (const row& each : {row{"a type", "Content-Type", "image/png"}, row{"none", "Content-Type", "x/y"},
                          row{"events", "Content-Type", "text/event-stream"}, row{"a coding", "Content-Encoding", "br"},
                          row{"transformed", "Cache-Control", "max-age=1, no-transform"},
                          row{"a cookie", "Set-Cookie", "a=b"}, row{"private", "Cache-Control", "private"},
                          row{"by cookie", "Vary", "Cookie"}, row{"by who asks", "Vary", "Accept, Authorization"}}) {
    CAPTURE(each.what);
    const std::string got = co_await answer_of([&](request&, response& rs) {
      rs.append(each.name, each.value);
      rs.text(text);
    });
    CHECK_FALSE(has(got, "Content-Encoding: gzip"));
    CHECK((body_of(got) == text));
  }
  std::string got;
  got = co_await answer_of([](request&, response& rs) { rs.text(std::string(1023, 'x')); });
  CHECK_FALSE(has(got, "Content-Encoding: gzip"));
  got = co_await answer_of([](request&, response& rs) { rs.text(std::string(1024, 'x')); });
  CHECK(has(got, "Content-Encoding: gzip"));
  got = co_await answer_of([](request&, response& rs) { rs.fail(404, std::string(2000, 'x')); });
  CHECK_FALSE(has(got, "Content-Encoding: gzip"));
  got = co_await answer_of([](request&, response&) { throw http::status_error(404, std::string(2000, 'x')); });
  CHECK_FALSE(has(got, "Content-Encoding: gzip"));
  got = co_await answer_of([&](request&, response& rs) { rs.status(206).text(text); });
  CHECK_FALSE(has(got, "Content-Encoding: gzip"));
  got = co_await answer_of([](request&, response& rs) { rs.status(304).empty(); });
  CHECK(has(got, "Vary: Accept-Encoding"));
  const auto h = [&](request&, response& rs) { rs.text(text); };
  const std::string known = "GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\nAuthorization: x\r\n\r\n";
  got = co_await answer_of(h, known);
  CHECK_FALSE(has(got, "Content-Encoding: gzip"));
  got = co_await answer_of(h, known, {.secrets = true});
  CHECK(has(got, "Content-Encoding: gzip"));
  got = co_await answer_of(h, gzip, {.at_once = 0});
  CHECK((body_of(got) == text));
  CHECK_THROWS_AS(http::compression({.gzip = 0}), std::invalid_argument);
  CHECK_THROWS_AS(http::compression({.gzip = 10}), std::invalid_argument);
  CHECK_THROWS_AS(http::compression({.zstd = {}, .brotli = {}, .gzip = {}}), std::invalid_argument);
}

namespace {

/// What an answer's body was before it was encoded; "broken" if that cannot be told.
std::string decoded(std::string_view coding, std::string_view body, bool partial = false) {
  http::detail::content_decoder d(http::detail::content_decoder::coding_of(coding));
  block_pool& pool = scheduler::current().blocks();
  std::string all;
  for (std::size_t at = 0;;) {
    if (d.wants_input()) {
      if (at == body.size()) return d.complete() || partial ? all : "broken";
      buffer_lease input = pool.acquire(std::min<std::size_t>(body.size() - at, 1000));
      const std::size_t size = std::min(body.size() - at, input.size());
      body.copy(reinterpret_cast<char*>(input.data()), size, at);
      input.truncate(size);
      at += size;
      d.feed(std::move(input));
    }
    const auto piece = d.take(pool);
    if (!piece) return "broken";
    all.append(reinterpret_cast<const char*>(piece->data()), piece->size());
  }
}

std::string asking_for(std::string_view codings) {
  return "GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: " + std::string(codings) + "\r\n\r\n";
}

}  // namespace

TASK_TEST("of the codings that a client likes best it is sent the quickest one that there is", "[http]") {
  using http::content_coding;
  const bool br = http::content_encoder::knows(content_coding::brotli);
  const bool zstd = http::content_encoder::knows(content_coding::zstd);
  CHECK(http::content_encoder::knows(content_coding::gzip));
  const std::string text = long_text();
  struct row {
    const char* accepted;
    std::string coding;
  };
  const auto h = [&](request&, response& rs) { rs.text(text); };
  for (const row& each : {row{"gzip, br, zstd", zstd ? "zstd"
                                                : br ? "br"
                                                     : "gzip"},
                          row{"gzip, br", br ? "br" : "gzip"}, row{"gzip, br;q=0.9, zstd;q=0.5", "gzip"},
                          row{"br", br ? "br" : ""}, row{"GZIP", "gzip"}, row{"zstd;q=0.1", zstd ? "zstd" : ""},
                          row{"*", zstd ? "zstd"
                                   : br ? "br"
                                        : "gzip"},
                          row{"*, zstd;q=0, br;q=0", "gzip"}, row{"identity", ""}}) {
    CAPTURE(each.accepted);
    const std::string got = co_await answer_of(h, asking_for(each.accepted));
    CHECK(has(got, "Vary: Accept-Encoding"));
    CHECK(has(got, "Content-Encoding: " + each.coding) == !each.coding.empty());
    const std::string body = body_of(got);
    CHECK((each.coding.empty() ? body == text : body.size() < text.size() / 2 && decoded(each.coding, body) == text));
  }
  const std::string fewer = co_await answer_of(h, asking_for("gzip, br, zstd"), {.zstd = {}, .brotli = {}});
  CHECK(has(fewer, "Content-Encoding: gzip"));
  for (const content_coding c : {content_coding::brotli, content_coding::zstd}) {
    if (http::content_encoder::knows(c)) {
      CHECK_THROWS_AS(http::content_encoder(c, 20), std::invalid_argument);
    } else {
      CHECK_THROWS_AS(http::content_encoder(c), std::invalid_argument);
    }
  }
}

TASK_TEST("each coding's pieces arrive at once, and its compressors can be used again", "[http]") {
  const std::string text = long_text(300'000);
  for (const auto c : {http::content_coding::gzip, http::content_coding::brotli, http::content_coding::zstd}) {
    if (!http::content_encoder::knows(c)) continue;
    const std::string name(to_string(c));
    CAPTURE(name);
    http::router r;
    r.use(http::compression());
    bool fails = true;
    r.get("/", [&](request&, response& rs) -> task<> {
      rs.header("Content-Type", "text/plain");
      co_await rs.write_all("first ");
      if (fails) throw std::runtime_error("x");
      co_await rs.write_all("");
      co_await rs.write_all(text);
    });
    std::string got = co_await answers(r, asking_for(name));
    CHECK(decoded(name, unchunked(body_of(got) + "0\r\n"), true) == "first ");
    fails = false;
    for (int i = 0; i != 3; ++i) {
      got = co_await answers(r, asking_for(name));
      CHECK(has(got, "Content-Encoding: " + name));
      CHECK((decoded(name, unchunked(body_of(got))) == "first " + text));
    }
  }
}

TASK_TEST("an encoder without the middleware", "[http]") {
  const std::string text = long_text();
  const auto h = [&](request& rq, response& rs) {
    rs.encode_with(rq.emplace<http::content_encoder>(http::content_coding::gzip, 9));
    rs.text(text);
  };
  http::router r;
  r.get("/", h);
  const std::string got = co_await answers(r, plain);
  CHECK((unzipped(body_of(got)) == text));
}

TASK_TEST_WITH("files are compressed, and have no ranges then", "[http][files][real_fd]", .real_time = true) {
  const temporary_folder folder;
  const std::string small = long_text(30'000);
  const std::string large = long_text(700'000);
  std::ofstream(folder / "small.txt") << small;
  std::ofstream(folder / "large.txt") << large;
  std::ofstream(folder / "large.png") << large;
  std::ofstream(folder / "tiny.txt") << "tiny";
  std::ofstream(folder / "ready.txt") << large;
  std::ofstream(folder / "ready.txt.gz") << "ready";
  http::file_cache cache;
  auto root = co_await net::open_directory(folder / "");
  http::router r;
  r.use(http::compression());
  r.get("/{path...}", http::static_files(std::move(root), {.precompressed = true}).cache(cache));
  const auto asking = [](std::string path, std::string more) {
    return "GET /" + path + " HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n" + more + "\r\n";
  };
  std::string got;
  got = co_await answers(r, asking("small.txt", ""));
  CHECK((unzipped(body_of(got)) == small));
  CHECK(has(got, "Accept-Ranges: none"));
  got = co_await answers(r, asking("large.txt", "Range: bytes=0-5\r\n"));
  CHECK(statuses(got) == "200");
  CHECK((unzipped(unchunked(body_of(got))) == large));
  CHECK(has(got, "Accept-Ranges: none"));
  got = co_await answers(r, asking("large.png", "Range: bytes=0-5\r\n"));
  CHECK(statuses(got) == "206");
  CHECK(has(got, "Accept-Ranges: bytes"));
  got = co_await answers(r, asking("tiny.txt", ""));
  CHECK(body_of(got) == "tiny");
  CHECK(got.find("Vary", got.find("Vary") + 1) == std::string::npos);
  got = co_await answers(r, asking("ready.txt", ""));
  CHECK(body_of(got) == "ready");
  got = co_await answers(r, "HEAD /large.txt HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n");
  CHECK(has(got, "Content-Encoding: gzip"));
  CHECK(body_of(got).empty());
}
