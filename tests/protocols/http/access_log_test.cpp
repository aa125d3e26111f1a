// SPDX-License-Identifier: MIT
#include <chrono>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <system_error>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/nursery.hpp>
#include <wring/core/sleep.hpp>
#include <wring/core/testing/task_test.hpp>
#include <wring/net/tcp_listener.hpp>
#include <wring/net/tcp_stream.hpp>
#include <wring/protocols/http/access_log.hpp>
#include <wring/protocols/http/detail/access_line.hpp>
#include <wring/protocols/http/middleware/basic_auth.hpp>
#include <wring/protocols/http/server.hpp>
#include <wring/protocols/http/status.hpp>

#include "http_support.hpp"
#include "support/temporary_folder.hpp"
#include "upgrade_site.hpp"

using namespace std::chrono_literals;
using namespace wring;
using namespace wring::tests;
using http::request;
using http::response;

namespace {

std::string content_of(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Without their times.
std::string lines_of(const std::string& path) {
  std::string lines = content_of(path);
  for (std::size_t at = lines.find(" ["); at != std::string::npos; at = lines.find(" [", at + 1)) {
    lines.erase(at, lines.find("] ", at) + 1 - at);
  }
  return lines;
}

std::string line_of(const http::access_record& r, http::access_log_format format) {
  std::string line;
  http::detail::append_access_line(line, r, format);
  return line;
}

}  // namespace

TEST_CASE("the lines of an access log") {
  const std::chrono::system_clock::time_point time =
      std::chrono::sys_days(std::chrono::year(2026) / 2 / 3) + 4h + 5min + 6s + 7ms;
  const http::access_record whole{
      .user = "ada l",
      .method = "GET",
      .target = "/a?\"b\"",
      .referer = "\\",
      .agent = "x\x01\xff",
      .id = "17",
      .bytes = 6,
      .elapsed = 1'234'567,
      .time = time,
      .status = 200,
      .minor = 0,
      .cut = true,
  };
  CHECK(line_of(whole, http::access_log_format::combined) ==
        R"(- - ada+l [03/Feb/2026:04:05:06 +0000] "GET /a?\"b\" HTTP/1.0" 200 6 "\\" "x\x01\xff")"
        "\n");
  CHECK(
      line_of(whole, http::access_log_format::structured) ==
      R"({"time":"2026-02-03T04:05:06.007Z","peer":"-","user":"ada l","method":"GET","target":"/a?\"b\"",)"
      R"("version":"1.0","status":200,"bytes":6,"microseconds":1234,"referer":"\\","agent":"x\u0001\u00ff","id":"17",)"
      R"("cut":true})"
      "\n");
  const http::access_record bad{.time = time, .status = 400};
  CHECK(line_of(bad, http::access_log_format::combined) ==
        "- - - [03/Feb/2026:04:05:06 +0000] \"-\" 400 0 \"-\" \"-\"\n");
  const std::string large(100'000, '\x01');
  const http::access_record long_ones{
      .user = large, .method = large, .target = large, .referer = large, .agent = large};
  CHECK(line_of(long_ones, http::access_log_format::combined).size() <= http::detail::longest_access_line);
  CHECK(line_of(long_ones, http::access_log_format::structured).size() <= http::detail::longest_access_line);
}

TEST_CASE("an access log is reopened, and ends with all its lines", "[real_fd][threads]") {
  const temporary_folder folder;
  const std::string path = folder / "access.log";
  const http::access_record r{.method = "GET", .target = "/", .status = 200};
  {
    http::access_log log(path);
    for (int i = 0; i < 100; ++i) log.record(r);
    std::filesystem::rename(path, path + ".1");
    log.reopen();
    while (!std::filesystem::exists(path)) ::usleep(1000);
    for (int i = 0; i < 50; ++i) log.record(r);
    CHECK(log.dropped() == 0);
  }
  const std::string line = line_of(r, http::access_log_format::combined);
  CHECK(content_of(path + ".1").size() + content_of(path).size() == 150 * line.size());
  CHECK(content_of(path).size() >= 50 * line.size());
  CHECK_THROWS_AS(http::access_log(folder / "none/access.log"), std::system_error);
  CHECK_THROWS_AS(http::access_log(path, {.buffer = 1000}), std::invalid_argument);
}

TEST_CASE("what does not fit into an access log's buffer is lost and counted", "[real_fd][threads]") {
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  std::optional<net::descriptor> reader(std::in_place, ends[0]);
  const http::access_record r{.method = "GET", .target = "/", .status = 200};
  http::access_log log(net::descriptor(ends[1]), {.buffer = std::size_t{16} * 1024});
  constexpr std::uint64_t lines = 10'000;
  for (std::uint64_t i = 0; i < lines; ++i) log.record(r);
  CHECK(log.dropped() > 0);
  CHECK(log.dropped() < lines);
  reader.reset();  // the thread's write fails then, and the log can be destroyed
}

TASK_TEST("a server logs every request, also those that it refuses", "[http][real_fd][threads]") {
  const temporary_folder folder;
  const std::string path = folder / "access.log";
  std::optional<http::access_log> log(std::in_place, path, http::access_log_options());
  http::router r;
  r.get("/", [](request&, response& rs) { rs.text("hello\n"); });
  r.get("/stream", [](request&, response& rs) -> task<> { co_await rs.write_all("streamed"); });
  r.get("/slow", [](request&, response&) -> task<> { co_await sleep_for(60s); });
  http::router inside;
  inside.use(http::basic_auth("in", "ada", "secret"));
  inside.get("/", [](request&, response& rs) { rs.text("in\n"); });
  r.mount("/in", std::move(inside));
  http::server server(r);
  server.log_to(*log);
  net::tcp_listener listener = co_await net::listen_tcp({.address = net::ip_address::loopback_v4});
  const net::socket_address where = listener.local_address();
  nursery n;
  const auto body = [&]() -> task<> {
    n.start([&]() -> task<> { co_await server.run(listener); });
    net::tcp_stream client = co_await net::connect_tcp(where);
    co_await client.write_all(
        "GET / HTTP/1.1\r\nHost: a\r\nUser-Agent: test\r\nReferer: /b\r\n\r\n"
        "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n"
        "GET /stream HTTP/1.1\r\nHost: a\r\n\r\n"
        "GET /in/ HTTP/1.1\r\nHost: a\r\nAuthorization: Basic YWRhOnNlY3JldA==\r\n\r\n"
        "GET /none HTTP/1.1\r\nHost: a\r\n\r\n"
        "GET bad HTTP/1.1\r\nHost: a\r\n\r\n");
    const std::string all = co_await read_to_end(client);
    CHECK(statuses(all) == "200 200 200 200 404 400");
    net::tcp_stream vanishing = co_await net::connect_tcp(where);
    co_await vanishing.write_all("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
    co_await sleep_for(1s);
    vanishing.abort();
    co_await sleep_for(1s);
    net::tcp_stream garbled = co_await net::connect_tcp(where);
    co_await garbled.write_all("GET / HTTP/1.1\n\n");
    const std::string refused = co_await read_to_end(garbled);
    CHECK(statuses(refused) == "400");
    garbled.abort();
    scheduler::current().request_stop();
  };
  co_await n.run(std::ref(body));
  CHECK(log->dropped() == 0);
  log.reset();
  CHECK(lines_of(path) ==
        "127.0.0.1 - - \"GET / HTTP/1.1\" 200 6 \"/b\" \"test\"\n"
        "127.0.0.1 - - \"HEAD / HTTP/1.1\" 200 0 \"-\" \"-\"\n"
        "127.0.0.1 - - \"GET /stream HTTP/1.1\" 200 8 \"-\" \"-\"\n"
        "127.0.0.1 - ada \"GET /in/ HTTP/1.1\" 200 3 \"-\" \"-\"\n"
        "127.0.0.1 - - \"GET /none HTTP/1.1\" 404 14 \"-\" \"-\"\n"
        "127.0.0.1 - - \"GET bad HTTP/1.1\" 400 62 \"-\" \"-\"\n"
        "127.0.0.1 - - \"GET /slow HTTP/1.1\" 499 0 \"-\" \"-\"\n"
        "127.0.0.1 - - \"-\" 400 16 \"-\" \"-\"\n");
}

TASK_TEST("what goes on with another protocol is logged when it is switched to", "[http][real_fd][threads]") {
  const temporary_folder folder;
  const std::string path = folder / "access.log";
  std::optional<http::access_log> log(std::in_place, path, http::access_log_options());
  http::router r = upgrading::site();
  r.connect([](request& rq, response& rs) -> task<> {
    if (rq.authority() != "a:1") throw http::status_error(403, "not there");
    net::any_stream peer = co_await rs.upgrade();
    co_await upgrading::echo(peer);
  });
  http::server server(r);
  server.log_to(*log);
  net::tcp_listener listener = co_await net::listen_tcp({.address = net::ip_address::loopback_v4});
  const net::socket_address where = listener.local_address();
  nursery n;
  const auto ask = [&where](std::string text) -> task<std::string> {
    net::tcp_stream client = co_await net::connect_tcp(where);
    co_await client.write_all(text);
    co_await client.shut_down_write();
    std::string answer = co_await read_to_end(client);
    co_return std::move(answer);
  };
  const auto body = [&]() -> task<> {
    n.start([&]() -> task<> { co_await server.run(listener); });
    std::string got = co_await ask(upgrading::asks("echo", "User-Agent: test\r\n") + "behind");
    CHECK(got.ends_with("behind"));
    got = co_await ask(upgrading::asks("other"));
    CHECK(statuses(got) == "426");
    got = co_await ask("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\ntunnelled");
    CHECK(got.ends_with("tunnelled"));
    got = co_await ask("CONNECT b:1 HTTP/1.1\r\nHost: b:1\r\n\r\n");
    CHECK(statuses(got) == "403");
    scheduler::current().request_stop();
  };
  co_await n.run(std::ref(body));
  log.reset();
  // What was said in the other protocol is not counted.
  CHECK(lines_of(path) ==
        "127.0.0.1 - - \"GET /up HTTP/1.1\" 101 0 \"-\" \"test\"\n"
        "127.0.0.1 - - \"GET /up HTTP/1.1\" 426 21 \"-\" \"-\"\n"
        "127.0.0.1 - - \"CONNECT a:1 HTTP/1.1\" 200 0 \"-\" \"-\"\n"
        "127.0.0.1 - - \"CONNECT b:1 HTTP/1.1\" 403 25 \"-\" \"-\"\n");
}
