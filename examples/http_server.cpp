// SPDX-License-Identifier: MIT
//
// A web server whose limits are options: a page, a body that is sent back, and the files below a directory.
//
//     $ http_server --port 8080 --root /srv/www --header-timeout 5 --max-body 1MiB
//     listening on 127.0.0.1:8080
//
//     $ curl http://127.0.0.1:8080/
//     hello
//     $ curl --data-binary @photo.jpg http://127.0.0.1:8080/echo
//     $ curl http://127.0.0.1:8080/files/index.html

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include <wring/http.hpp>
#include <wring/wring.hpp>

#include "options.hpp"

namespace {

namespace http = wring::http;
namespace net = wring::net;
using wring::task;

/// Sends the body back. What fits into 64 KiB is answered when it is complete, so that a body which is too long, or
/// comes too slowly, gets the status that says so. What is longer goes back as it comes.
task<> echo(http::request& rq, http::response& rs) {
  constexpr std::size_t held_back = std::size_t{64} * 1024;
  const std::string_view type = rq.header("content-type").value_or("application/octet-stream");
  std::string beginning;
  while (beginning.size() < held_back) {
    const wring::buffer_lease piece = co_await rq.body().read_some();
    if (piece.empty()) {
      rs.body(std::move(beginning), type);
      co_return;
    }
    beginning.append(reinterpret_cast<const char*>(piece.data()), piece.size());
  }
  rs.header("Content-Type", type);
  if (const auto length = rq.body().length()) rs.content_length(*length);
  co_await rs.write_all(beginning);
  const auto copied = co_await net::copy(rq.body(), rs);
  copied.value();
}

std::string_view type_of(std::string_view path) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 10> types{{
      {".css", "text/css; charset=utf-8"},
      {".gif", "image/gif"},
      {".html", "text/html; charset=utf-8"},
      {".jpg", "image/jpeg"},
      {".js", "text/javascript; charset=utf-8"},
      {".json", "application/json"},
      {".pdf", "application/pdf"},
      {".png", "image/png"},
      {".svg", "image/svg+xml"},
      {".txt", "text/plain; charset=utf-8"},
  }};
  for (const auto& [ending, type] : types) {
    if (path.ends_with(ending)) return type;
  }
  return "application/octet-stream";
}

/// Opens a regular file below `root`. Everything else is not there, whatever the reason: other kinds of files, names
/// that begin with a dot, and paths that lead out of `root`, be it by a symbolic link.
task<net::file> open_below(const net::directory& root, std::string path) {
  if (path.starts_with('.') || path.find("/.") != std::string::npos) throw http::status_error(404);
  try {
    net::file opened = co_await root.open_file(std::move(path));
    co_return std::move(opened);
  } catch (const wring::io_error& e) {
    const wring::error& why = e.details();
    const bool lacks_resources = why == std::errc::too_many_files_open ||
                                 why == std::errc::too_many_files_open_in_system || why == std::errc::not_enough_memory;
    if (lacks_resources) throw;
    throw http::status_error(404);
  }
}

task<> send_file(const net::directory& root, http::request& rq, http::response& rs) {
  net::file page = co_await open_below(root, std::string(rq.param("path")));
  const net::file_status status = co_await page.status();
  if (status.kind != net::file_kind::regular) throw http::status_error(404);
  rs.header("Content-Type", type_of(rq.path())).content_length(status.size);
  if (rq.method() == http::method::head) co_return;
  // Just so many bytes, however the file grows; if it shrinks, the connection is cut.
  const auto copied = co_await net::copy(page, rs, {.limit = status.size});
  copied.value();
}

struct settings {
  net::tcp_listen_options listen{.address = net::ip_address::loopback_v4, .port = 8080};
  std::optional<std::string> root;
  std::optional<std::string> log;
  std::optional<std::string> proxy;
  http::server_limits limits;
};

task<> serve(settings chosen) {
  http::router routes;
  routes.get("/", [](http::request&, http::response& rs) { rs.text("hello\n"); });
  routes.post("/echo", echo);
  std::optional<net::directory> root;
  if (chosen.root) {
    net::directory opened = co_await net::open_directory(*chosen.root);
    root.emplace(std::move(opened));
    routes.get("/files/{path...}",
               [&](http::request& rq, http::response& rs) -> task<> { return send_file(*root, rq, rs); });
  }
  std::optional<http::access_log> log;
  http::server server(routes, chosen.limits);
  if (chosen.log) server.log_to(log.emplace(*chosen.log));
  if (chosen.proxy) server.trust({net::ip_network(*chosen.proxy)}, http::forwarding::x_forwarded_for);
  auto listener = co_await net::listen_tcp(chosen.listen);
  fmt::print("listening on {}\n", listener.local_address());
  std::fflush(stdout);
  co_await server.run(listener);
}

}  // namespace

int main(int argc, char** argv) {
  settings chosen;
  http::server_limits& limits = chosen.limits;
  examples::options options("A web server whose limits are options: a page, /echo, and files below /files/.");
  options.listen(chosen.listen);
  options.text("--root", chosen.root, "the directory whose files are served below /files/");
  options.text("--log", chosen.log, "the file of the access log");
  options.text("--trust", chosen.proxy, "the proxy, or its network, whose X-Forwarded-For is believed");
  options.time("--header-timeout", limits.head, "how long the head of a request may take");
  options.time("--idle-timeout", limits.idle, "how long a connection may stay without a request");
  options.time("--body-timeout", limits.body_progress, "how long the body of a request may stand still");
  options.size("--max-body", limits.max_body, "the longest body of a request");
  options.size("--max-header", limits.max_head, "the longest head of a request");
  options.time("--grace", limits.grace, "how long requests may continue after SIGINT or SIGTERM");
  options.read(argc, argv);
  limits.first_byte = limits.head;
  limits.rate_grace = std::max(limits.rate_grace, limits.body_progress);
  return wring::run(serve, chosen);
}
