// SPDX-License-Identifier: MIT
//
// Wring's HTTP server in the benchmarks, on its public interface alone: the first example of the guide.
//
//     bench_http --port 7000 [--log FILE] [--files FOLDER]
//
// With `log` there is an access log in the combined format. With `files` there are those of a folder, below /files/.

#include <optional>
#include <string>
#include <string_view>

#include <wring/http.hpp>
#include <wring/wring.hpp>

#include "common/options.hpp"

namespace {

namespace http = wring::http;
namespace net = wring::net;
using wring::task;

task<> serve(std::uint16_t port, http::access_log* log, std::string folder) {
  http::router routes;
  if (!folder.empty()) {
    auto files = co_await net::open_directory(std::move(folder));
    static http::file_cache cache({.open_files = 1000});
    routes.get("/files/{path...}", http::static_files(std::move(files)).cache(cache));
  }
  routes.get("/", [](http::request&, http::response& rs) { rs.text("hello\n"); });
  http::server server(routes, {.max_connections = 20'000});
  if (log != nullptr) server.log_to(*log);
  auto listener = co_await net::listen_tcp({.address = net::ip_address::loopback_v4, .port = port, .backlog = 4096});
  co_await server.run(listener);
}

}  // namespace

int main(int argc, char** argv) {
  double port = 7000;
  std::string_view file;
  std::string_view folder;
  bench::read_options(
      argc, argv,
      {{.name = "--port", .number = &port}, {.name = "--log", .text = &file}, {.name = "--files", .text = &folder}});
  std::optional<http::access_log> log;
  if (!file.empty()) log.emplace(std::string(file));
  return wring::run(serve, static_cast<std::uint16_t>(port), log ? &*log : nullptr, std::string(folder));
}
