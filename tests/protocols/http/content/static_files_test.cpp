// SPDX-License-Identifier: MIT
#include <array>
#include <chrono>
#include <ctime>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <wring/core/nursery.hpp>
#include <wring/core/testing/task_test.hpp>
#include <wring/net/any_listener.hpp>
#include <wring/net/tcp_listener.hpp>
#include <wring/net/tcp_stream.hpp>
#include <wring/protocols/http/content/static_files.hpp>
#include <wring/protocols/http/server.hpp>

#include "../http_support.hpp"
#include "support/allocation_count.hpp"
#include "support/temporary_folder.hpp"

using namespace std::chrono_literals;
using namespace wring;
using namespace wring::tests;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::EndsWith;
using http::request;
using http::response;

namespace {

/// Keeps a file that was last changed long ago.
void store(const std::string& path, std::string_view text, std::time_t modified = 784111777) {
  std::ofstream(path) << text;
  const std::array<::timespec, 2> times = {{{modified, 0}, {modified, 0}}};
  REQUIRE(::utimensat(AT_FDCWD, path.c_str(), times.data(), 0) == 0);
}

std::string numbered(std::size_t size) {
  std::string text(size, '.');
  for (std::size_t i = 0; i < size; i += 7) text[i] = static_cast<char>('a' + i / 7 % 26);
  return text;
}

std::string asking(std::string_view path, std::string_view more = {}, std::string_view method = "GET") {
  return std::string(method).append(" ").append(path).append(" HTTP/1.1\r\nHost: a\r\n").append(more) + "\r\n";
}

/// The value of a field; empty: there is none.
std::string field_of(const std::string& answer, const std::string& name) {
  const std::size_t end = answer.find("\r\n\r\n");
  const std::size_t at = answer.find("\r\n" + name + ": ");
  if (at == std::string::npos || at > end) return {};
  const std::size_t from = at + name.size() + 4;
  return answer.substr(from, answer.find("\r\n", from) - from);
}

std::string body_of(const std::string& answer) { return answer.substr(answer.find("\r\n\r\n") + 4); }

struct served {
  explicit served(const temporary_folder& f) : folder(f) {}

  task<http::router> routes(http::static_file_options options = {}) {
    auto root = co_await net::open_directory(folder / "root");
    http::router r;
    r.get("/s/{path...}",
          http::static_files(std::move(root), options).index("index.html").type(".odd", "x/odd").cache(cache));
    co_return std::move(r);
  }

  const temporary_folder& folder;
  http::file_cache cache;
};

void make_root(const temporary_folder& f) {
  std::filesystem::create_directory(f / "root");
  std::filesystem::create_directory(f / "root/sub");
  std::filesystem::create_directory(f / "root/empty");
  store(f / "secret", "secret");
  store(f / "root/a.txt", "0123456789");
  store(f / "root/sub/index.html", "<p>sub</p>");
  store(f / "root/big", numbered(300'001));
}

}  // namespace

TASK_TEST_WITH("files below a directory are answered with their type and validators", "[http][files][real_fd]",
               .real_time = true) {
  const temporary_folder folder;
  make_root(folder);
  store(folder / "root/\xc3\xa4 b.odd", "odd");
  store(folder / "root/nothing", "");
  served s(folder);
  const http::router r = co_await s.routes({.max_age = 1h, .immutable = true});
  std::string got;
  // Twice: what comes from the disk and what comes from the cache are the same.
  for (int i = 0; i < 2; ++i) {
    got = co_await answers(r, asking("/s/a.txt"));
    CHECK(got.starts_with("HTTP/1.1 200 OK\r\n"));
    CHECK(field_of(got, "Content-Type") == "text/plain; charset=utf-8");
    CHECK(field_of(got, "Content-Length") == "10");
    CHECK(field_of(got, "Last-Modified") == "Sun, 06 Nov 1994 08:49:37 GMT");
    CHECK(field_of(got, "Accept-Ranges") == "bytes");
    CHECK(field_of(got, "Cache-Control") == "max-age=3600, immutable");
    CHECK(field_of(got, "ETag").starts_with('"'));
    CHECK(body_of(got) == "0123456789");
  }
  CHECK(s.cache.stats().hits == 1);
  CHECK(s.cache.stats().files == 1);
  const std::string tag = field_of(got, "ETag");
  got = co_await answers(r, asking("/s/a.txt", {}, "HEAD"));
  CHECK(field_of(got, "Content-Length") == "10");
  CHECK(body_of(got).empty());
  got = co_await answers(r, asking("/s/%C3%A4%20b.odd"));
  CHECK(field_of(got, "Content-Type") == "x/odd");
  CHECK(body_of(got) == "odd");
  got = co_await answers(r, asking("/s/nothing"));
  CHECK(field_of(got, "Content-Length") == "0");
  CHECK(field_of(got, "Content-Type") == "application/octet-stream");
  got = co_await answers(r, asking("/s/big"));
  CHECK(body_of(got) == numbered(300'001));
  got = co_await answers(r, asking("/s/big", {}, "HEAD"));
  CHECK(field_of(got, "Content-Length") == "300001");
  CHECK(body_of(got).empty());
  // Conditions.
  got = co_await answers(r, asking("/s/a.txt", "If-None-Match: " + tag + "\r\n"));
  CHECK(without_date(got) ==
        "HTTP/1.1 304 Not Modified\r\nETag: " + tag +
            "\r\nLast-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\nCache-Control: max-age=3600, immutable\r\n\r\n");
  got = co_await answers(r, asking("/s/a.txt", "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n"));
  CHECK(statuses(got) == "304");
  got = co_await answers(r, asking("/s/a.txt", "If-Match: \"x\"\r\n"));
  CHECK(statuses(got) == "412");
}

TASK_TEST_WITH("ranges of files, from the cache and from the disk", "[http][files][real_fd]", .real_time = true) {
  const temporary_folder folder;
  make_root(folder);
  const std::string big = numbered(300'001);
  served s(folder);
  const http::router r = co_await s.routes();
  std::string got;
  for (int i = 0; i < 2; ++i) {
    got = co_await answers(r, asking("/s/a.txt", "Range: bytes=2-4\r\n"));
    CHECK(statuses(got) == "206");
    CHECK(field_of(got, "Content-Range") == "bytes 2-4/10");
    CHECK(body_of(got) == "234");
  }
  const std::string tag = field_of(got, "ETag");
  got = co_await answers(r, asking("/s/big", "Range: bytes=-70000\r\n"));
  CHECK(statuses(got) == "206");
  CHECK(field_of(got, "Content-Range") == "bytes 230001-300000/300001");
  CHECK(body_of(got) == big.substr(230'001));
  got = co_await answers(r, asking("/s/a.txt", "Range: bytes=10-\r\n"));
  CHECK(statuses(got) == "416");
  CHECK(field_of(got, "Content-Range") == "bytes */10");
  got = co_await answers(r, asking("/s/nothing-else", "Range: bytes=10-\r\n"));
  CHECK(statuses(got) == "404");
  got = co_await answers(r, asking("/s/a.txt", "Range: bytes=0-1\r\nRange: bytes=3-4\r\n"));
  CHECK(statuses(got) == "200");
  got = co_await answers(r, asking("/s/a.txt", "Range: lines=0-1\r\n"));
  CHECK(statuses(got) == "200");
  got = co_await answers(r, asking("/s/a.txt", "Range: bytes=0-1\r\n", "HEAD"));
  CHECK(statuses(got) == "200");
  got = co_await answers(r, asking("/s/a.txt", "Range: bytes=0-1\r\nIf-Range: " + tag + "\r\n"));
  CHECK(statuses(got) == "206");
  got = co_await answers(r, asking("/s/a.txt", "Range: bytes=0-1\r\nIf-Range: \"other\"\r\n"));
  CHECK(statuses(got) == "200");
  CHECK(body_of(got) == "0123456789");
  got = co_await answers(r, asking("/s/a.txt", "Range: bytes=0-1\r\nIf-None-Match: " + tag + "\r\n"));
  CHECK(statuses(got) == "304");
  // Several: a multipart, the same whether it comes from memory or from the file.
  for (const auto& [path, whole] : {std::pair("/s/a.txt", std::string("0123456789")), std::pair("/s/big", big)}) {
    got = co_await answers(r, asking(path, "Range: bytes=0-1,-3,5-5\r\n"));
    CHECK(statuses(got) == "206");
    CHECK(field_of(got, "Content-Range").empty());
    const std::string type = field_of(got, "Content-Type");
    const std::string begin = "multipart/byteranges; boundary=";
    REQUIRE(type.starts_with(begin));
    const std::string line = "\r\n--" + type.substr(begin.size());
    const std::string kind = std::string(path) == "/s/big" ? "application/octet-stream" : "text/plain; charset=utf-8";
    const std::string size = std::to_string(whole.size());
    const auto part = [&](std::size_t first, std::size_t last) {
      return line + "\r\nContent-Type: " + kind + "\r\nContent-Range: bytes " + std::to_string(first) + "-" +
             std::to_string(last) + "/" + size + "\r\n\r\n" + whole.substr(first, last - first + 1);
    };
    CHECK(body_of(got) == part(0, 1) + part(whole.size() - 3, whole.size() - 1) + part(5, 5) + line + "--\r\n");
    CHECK(field_of(got, "Content-Length") == std::to_string(body_of(got).size()));
  }
}

TASK_TEST_WITH("nothing outside of the directory is reached", "[http][files][real_fd]", .real_time = true) {
  const temporary_folder folder;
  make_root(folder);
  store(folder / "root/.hidden", "hidden");
  std::filesystem::create_directory(folder / "root/.git");
  store(folder / "root/.git/config", "hidden");
  std::filesystem::create_symlink(folder / "secret", folder / "root/out");
  std::filesystem::create_symlink("../secret", folder / "root/up");
  std::filesystem::create_symlink("a.txt", folder / "root/in");
  std::filesystem::create_symlink("loop", folder / "root/loop");
  std::filesystem::create_symlink("..", folder / "root/parent");
  std::filesystem::create_symlink("/proc/self/root", folder / "root/magic");
  REQUIRE(::mkfifo((folder / "root/fifo").c_str(), 0666) == 0);
  REQUIRE(::mkfifo((folder / "root/sub/index.html.gz").c_str(), 0666) == 0);
  served s(folder);
  const http::router strict = co_await s.routes({.list = true, .precompressed = true});
  const http::router links = co_await s.routes({.links = true});
  std::string got;
  for (const char* path : {"/s/../secret",
                           "/s/%2e%2e/secret",
                           "/s/..%2fsecret",
                           "/s/..%2Fsecret",
                           "/s/sub%2findex.html",
                           "/s/%2fetc%2fpasswd",
                           "/s//etc/passwd",
                           "/s/sub//index.html",
                           "/s/..%5csecret",
                           "/s/...",
                           "/s/.hidden",
                           "/s/%2ehidden",
                           "/s/.git/config",
                           "/s/.git/",
                           "/s/out",
                           "/s/up",
                           "/s/in",
                           "/s/loop",
                           "/s/parent/secret",
                           "/s/parent/",
                           "/s/magic/etc/passwd",
                           "/s/fifo",
                           "/s/a.txt/",
                           "/s/a.txt/x",
                           "/s/none"}) {
    CAPTURE(path);
    got = co_await answers(strict, asking(path));
    CHECK(statuses(got) == "404");
    CHECK(got.find("secret") == std::string::npos);
    CHECK(got.find("root:") == std::string::npos);
  }
  got = co_await answers(strict, asking("/s/a%00.txt"));
  CHECK(statuses(got) == "400");
  const std::string long_name(300, 'x');
  got = co_await answers(strict, asking("/s/" + long_name));
  CHECK(statuses(got) == "404");
  got = co_await answers(strict, asking("/s/sub/", "Accept-Encoding: gzip\r\n"));
  CHECK(body_of(got) == "<p>sub</p>");
  // Links that stay inside are followed where they are wanted, others never.
  got = co_await answers(links, asking("/s/in"));
  CHECK(body_of(got) == "0123456789");
  for (const char* path : {"/s/out", "/s/up", "/s/parent/secret", "/s/magic/etc/passwd", "/s/loop"}) {
    got = co_await answers(links, asking(path));
    CHECK(statuses(got) == "404");
  }
  // What one of them has in the cache, the other must not show.
  got = co_await answers(strict, asking("/s/in"));
  CHECK(statuses(got) == "404");
  if (::geteuid() != 0) {
    REQUIRE(::chmod((folder / "root/big").c_str(), 0) == 0);
    got = co_await answers(strict, asking("/s/big"));
    CHECK(statuses(got) == "403");
  }
}

TASK_TEST_WITH("directories have an index, a list, or nothing", "[http][files][real_fd]", .real_time = true) {
  const temporary_folder folder;
  make_root(folder);
  std::filesystem::create_directory(folder / "root/d");
  store(folder / "root/d/<b>&\".txt", "x");
  store(folder / "root/d/a:b", "x");
  store(folder / "root/d/.hidden", "x");
  std::filesystem::create_directory(folder / "root/d/z");
  std::filesystem::create_symlink("a:b", folder / "root/d/link");
  served s(folder);
  const http::router plain = co_await s.routes();
  const http::router list = co_await s.routes({.list = true});
  std::string got;
  got = co_await answers(plain, asking("/s/sub/"));
  CHECK(body_of(got) == "<p>sub</p>");
  got = co_await answers(plain, asking("/s/sub?x=1"));
  CHECK(statuses(got) == "308");
  CHECK(field_of(got, "Location") == "./sub/?x=1");
  got = co_await answers(plain, asking("/s/"));
  CHECK(statuses(got) == "404");
  got = co_await answers(plain, asking("/s/d/"));
  CHECK(statuses(got) == "404");
  got = co_await answers(list, asking("/s/d/"));
  CHECK(field_of(got, "Content-Type") == "text/html; charset=utf-8");
  CHECK_THAT(body_of(got),
             ContainsSubstring("<ul>\n<li><a href=\"../\">../</a></li>\n<li><a href=\"./z/\">z/</a></li>\n"
                               "<li><a href=\"./%3Cb%3E%26%22.txt\">&lt;b&gt;&amp;&quot;.txt</a></li>\n"
                               "<li><a href=\"./a%3Ab\">a:b</a></li>\n</ul>"));
  got = co_await answers(list, asking("/s/empty/"));
  CHECK(statuses(got) == "200");
  got = co_await answers(list, asking("/s/"));
  CHECK_THAT(body_of(got), ContainsSubstring("<ul>\n<li><a href=\"./d/\">"));
  got = co_await answers(list, asking("/s/nowhere/"));
  CHECK(statuses(got) == "404");
}

TASK_TEST_WITH("a file that is compressed already is preferred where the client accepts it", "[http][files][real_fd]",
               .real_time = true) {
  const temporary_folder folder;
  make_root(folder);
  store(folder / "root/a.txt.gz", "gzip");
  store(folder / "root/a.txt.br", "brotli");
  served s(folder);
  const http::router r = co_await s.routes({.precompressed = true});
  std::string got;
  struct row {
    const char* field;
    const char* coding;
    const char* body;
  };
  for (int i = 0; i < 2; ++i) {
    for (const row& each :
         {row{"", "", "0123456789"}, row{"Accept-Encoding: gzip\r\n", "gzip", "gzip"},
          row{"Accept-Encoding: gzip, br\r\n", "br", "brotli"},
          row{"Accept-Encoding: zstd, gzip;q=0.5\r\n", "gzip", "gzip"},
          row{"Accept-Encoding: zstd\r\n", "", "0123456789"}, row{"Accept-Encoding: gzip;q=0\r\n", "", "0123456789"}}) {
      CAPTURE(each.field);
      got = co_await answers(r, asking("/s/a.txt", each.field));
      CHECK(field_of(got, "Content-Encoding") == each.coding);
      CHECK(field_of(got, "Content-Type") == "text/plain; charset=utf-8");
      CHECK(field_of(got, "Vary") == "Accept-Encoding");
      CHECK(body_of(got) == each.body);
    }
  }
  const std::string tag = field_of(got, "ETag");
  got = co_await answers(r, asking("/s/a.txt", "Accept-Encoding: br\r\n"));
  CHECK(field_of(got, "ETag") != tag);
  got = co_await answers(r, asking("/s/a.txt", "Accept-Encoding: br\r\nRange: bytes=1-2\r\n"));
  CHECK(statuses(got) == "206");
  CHECK(field_of(got, "Content-Encoding") == "br");
  CHECK(body_of(got) == "ro");
  got = co_await answers(r, asking("/s/a.txt", "Accept-Encoding: br\r\nIf-None-Match: " + tag + "\r\n"));
  CHECK(statuses(got) == "200");
}

TASK_TEST_WITH("a change of a file shows, also of one in the cache", "[http][files][real_fd]", .real_time = true) {
  const temporary_folder folder;
  make_root(folder);
  http::file_cache looks({.fresh = 0s});
  auto root = co_await net::open_directory(folder / "root");
  http::router r;
  r.get("/s/{path...}", http::static_files(std::move(root)).cache(looks));
  std::string got;
  got = co_await answers(r, asking("/s/a.txt"));
  CHECK(body_of(got) == "0123456789");
  CHECK(looks.stats().files == 1);
  const std::string tag = field_of(got, "ETag");
  store(folder / "root/new", "abcdefghij", 784111778);
  std::filesystem::rename(folder / "root/new", folder / "root/a.txt");
  got = co_await answers(r, asking("/s/a.txt", "If-None-Match: " + tag + "\r\n"));
  CHECK(statuses(got) == "200");
  CHECK(body_of(got) == "abcdefghij");
  // One that has just been written may change again within the clock's step: its tag is weak, and it is not kept.
  std::ofstream(folder / "root/a.txt") << "now";
  got = co_await answers(r, asking("/s/a.txt"));
  CHECK(body_of(got) == "now");
  CHECK(field_of(got, "ETag").starts_with("W/"));
  CHECK(looks.stats().files == 0);
  std::filesystem::remove(folder / "root/a.txt");
  got = co_await answers(r, asking("/s/a.txt"));
  CHECK(statuses(got) == "404");
  CHECK(looks.stats().files == 0);
  CHECK(looks.stats().bytes == 0);
}

TASK_TEST_WITH("over TCP the kernel sends large files, and one that becomes shorter cuts the connection",
               "[http][files][real_fd]", .real_time = true) {
  const temporary_folder folder;
  make_root(folder);
  const std::string text = numbered(12'000'000);
  store(folder / "root/huge", text);
  served s(folder);
  const http::router routes = co_await s.routes();
  http::server server(routes);
  auto listener = co_await net::listen_tcp({.address = net::ip_address::loopback_v4});
  const auto to = listener.local_address();
  net::any_listener l(std::move(listener));
  co_await with_nursery([&](nursery& n) -> task<> {
    n.start([&]() -> task<> { static_cast<void>(co_await server.run(l)); });
    std::string got;
    {
      auto client = co_await net::connect_tcp(to);
      co_await client.write_all(asking("/s/huge", "Connection: close\r\n"));
      got = co_await read_to_end(client);
    }
    CHECK(field_of(got, "Content-Length") == "12000000");
    CHECK(body_of(got) == text);
    {
      auto client = co_await net::connect_tcp(to);
      co_await client.write_all(asking("/s/huge", "Range: bytes=5-4999999, 9000000-\r\nConnection: close\r\n"));
      got = co_await read_to_end(client);
    }
    CHECK(statuses(got) == "206");
    CHECK(field_of(got, "Content-Length") == std::to_string(body_of(got).size()));
    CHECK(got.find(text.substr(5, 4'999'995)) != std::string::npos);
    CHECK(got.find(text.substr(9'000'000)) != std::string::npos);
    {
      auto client = co_await net::connect_tcp(to);
      co_await client.write_all(asking("/s/huge"));
      const auto first = co_await client.read_some();
      got.assign(reinterpret_cast<const char*>(first.data()), first.size());
      REQUIRE(::truncate((folder / "root/huge").c_str(), 1000) == 0);
      got += co_await read_to_end(client);
    }
    CHECK(field_of(got, "Content-Length") == "12000000");
    CHECK(body_of(got).size() < 12'000'000);
    n.cancel();
  });
}

TASK_TEST_WITH("a handler answers with one file", "[http][files][real_fd]", .real_time = true) {
  const temporary_folder folder;
  make_root(folder);
  http::router r;
  r.get("/{name}", [&](request& rq, response& rs) -> task<> {
    const std::string path = folder / std::string(rq.param("name"));
    co_await rs.file(path, {.type = "x/y", .download = "pr\xc3\xa9\"cis.txt", .max_age = 60s});
  });
  std::string got;
  got = co_await answers(r, asking("/secret", "Range: bytes=1-\r\n"));
  CHECK(statuses(got) == "206");
  CHECK(field_of(got, "Content-Type") == "x/y");
  CHECK(field_of(got, "Cache-Control") == "max-age=60");
  CHECK(field_of(got, "Content-Disposition") ==
        "attachment; filename=\"pr___cis.txt\"; filename*=UTF-8''pr%C3%A9%22cis.txt");
  CHECK(body_of(got) == "ecret");
  got = co_await answers(r, asking("/root"));
  CHECK(statuses(got) == "404");
  got = co_await answers(r, asking("/none"));
  CHECK(statuses(got) == "404");
}

TASK_TEST_WITH("a file from the cache, and that it has not changed, are told without an allocation",
               "[http][files][real_fd]", .real_time = true) {
  const temporary_folder folder;
  make_root(folder);
  store(folder / "root/sub/a name that no string keeps in itself.txt", "0123456789");
  http::file_cache keeps({.fresh = 1h});
  auto root = co_await net::open_directory(folder / "root");
  http::router r;
  r.get("/s/{path...}", http::static_files(std::move(root), {.max_age = 1h, .immutable = true}).cache(keeps));
  const std::string path = "/s/sub/a%20name%20that%20no%20string%20keeps%20in%20itself.txt";
  for (const std::string& asked :
       {asking(path), asking(path, "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n")}) {
    auto [client, server] = net::make_memory_stream_pair();
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start(http::serve_connection, net::stream_ref(server), std::cref(r), http::server_limits());
      for (int i = 0; i < 8; ++i) {
        const std::size_t before = allocations();
        co_await client.write_all(asked);
        const buffer_lease got = co_await client.read_some();
        const std::size_t taken = allocations() - before;
        REQUIRE(!got.empty());
        if (i > 3 && counts_allocations) CHECK(taken == 0);
      }
      client.abort();
    });
  }
}
