// SPDX-License-Identifier: MIT
//
// A small web server: plain answers, a name from the path, a body that is sent back, and an answer in pieces.
//
//     $ http_hello --port 8080
//     listening on 127.0.0.1:8080
//
//     $ curl http://127.0.0.1:8080/hello/Ada
//     hello, Ada
//     $ curl --data-binary @file http://127.0.0.1:8080/echo

#include <chrono>
#include <cstdio>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include <wring/http.hpp>
#include <wring/wring.hpp>

#include "options.hpp"

namespace {

namespace http = wring::http;
namespace net = wring::net;
using wring::task;

/// Has nothing to wait for, so it is a plain function.
void greet(http::request& rq, http::response& rs) { rs.text(fmt::format("hello, {}\n", rq.param("name"))); }

/// Sends the body back as it comes: one piece of it is in memory at a time.
task<> echo(http::request& rq, http::response& rs) {
  if (const auto type = rq.header("content-type")) rs.header("Content-Type", *type);
  if (const auto length = rq.body().length()) rs.content_length(*length);
  const auto copied = co_await net::copy(rq.body(), rs);
  copied.value();
}

/// An answer whose length is not known when it begins.
task<> count_down(http::request& rq, http::response& rs) {
  const std::string_view from = rq.query("from").value_or("3");
  if (from.size() != 1 || from[0] < '1' || from[0] > '9') throw http::status_error(400, "from: a digit from 1 to 9");
  rs.header("Content-Type", "text/plain; charset=utf-8");
  for (int left = from[0] - '0'; left > 0; --left) {
    const std::string line = fmt::format("{}\n", left);
    co_await rs.write_all(line);
    co_await wring::sleep_for(std::chrono::milliseconds(100));
  }
}

http::router routes() {
  http::router all;
  all.get("/", [](http::request&, http::response& rs) { rs.text("hello\n"); });
  all.get("/hello/{name}", greet);
  all.post("/echo", echo);
  all.get("/countdown", count_down);
  return all;
}

struct settings {
  net::tcp_listen_options listen{.address = net::ip_address::loopback_v4, .port = 8080};
  http::server_limits limits;
};

task<> serve(settings chosen) {
  const http::router all = routes();
  http::server server(all, chosen.limits);
  auto listener = co_await net::listen_tcp(chosen.listen);
  fmt::print("listening on {}\n", listener.local_address());
  std::fflush(stdout);
  co_await server.run(listener);
}

}  // namespace

int main(int argc, char** argv) {
  settings chosen;
  examples::options options("A small web server.");
  options.listen(chosen.listen);
  options.time("--idle", chosen.limits.idle, "how long a connection may stay without a request");
  options.time("--grace", chosen.limits.grace, "how long requests may continue after SIGINT or SIGTERM");
  options.read(argc, argv);
  return wring::run(serve, chosen);
}
