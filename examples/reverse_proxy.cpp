// SPDX-License-Identifier: MIT
//
// A reverse proxy before one or more web servers: bodies are streamed both ways, connections to the servers are kept,
// each request goes to the server with the fewest in progress, and servers that fail are left alone for a while.
//
//     $ reverse_proxy --port 8080 --health /health http://127.0.0.1:9001 http://127.0.0.1:9002
//     listening on 127.0.0.1:8080
//
//     $ curl http://127.0.0.1:8080/

#include <cstdio>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <fmt/format.h>

#include <wring/http.hpp>
#include <wring/wring.hpp>

#include "options.hpp"

namespace {

namespace http = wring::http;
namespace net = wring::net;
using wring::task;

struct settings {
  net::tcp_listen_options listen{.address = net::ip_address::loopback_v4, .port = 8080};
  std::vector<std::string> servers;
  std::optional<std::string> health;
  bool keep_host = false;
  http::server_limits limits{.max_body = wring::unlimited};
  http::client_limits client;
  http::upstream_limits upstream;
};

task<> serve(settings chosen) {
  http::client web(chosen.client);
  http::upstream servers(web, chosen.servers, chosen.upstream);
  http::forward_hooks hooks;
  hooks.keep_host = chosen.keep_host;
  http::router routes;
  routes.any("/{rest...}",
             [&](http::request& rq, http::response& rs) -> task<> { return servers.forward(rq, rs, hooks); });
  http::server server(routes, chosen.limits);
  auto listener = co_await net::listen_tcp(chosen.listen);
  fmt::print("listening on {}\n", listener.local_address());
  std::fflush(stdout);
  co_await wring::with_nursery([&](wring::nursery& n) -> task<> {
    if (chosen.health) n.start([&] { return servers.check_health(*chosen.health); });
    co_await server.run(listener);
    n.cancel();
  });
}

}  // namespace

int main(int argc, char** argv) {
  settings chosen;
  examples::options options("Forwards requests to one or more web servers, whose URLs are the arguments.");
  options.listen(chosen.listen);
  options.text("--health", chosen.health, "the path that the servers are asked for, to know whether they work");
  options.time("--check-every", chosen.upstream.check_every, "how often", std::chrono::milliseconds(10));
  options.time("--rest", chosen.upstream.rest, "how long a server that fails is left alone");
  options.flag("--keep-host", chosen.keep_host, "sends the client's Host to the servers");
  options.time("--head-timeout", chosen.client.head, "how long a server may take until it answers");
  options.count("--connections", chosen.client.max_per_origin, "the most connections to a server", 1);
  options.time("--grace", chosen.limits.grace, "how long requests may continue after SIGINT or SIGTERM");
  options.list("URL", chosen.servers, "the servers, as http://HOST:PORT");
  options.sample("reverse_proxy --port 8080 http://127.0.0.1:9001 http://127.0.0.1:9002");
  options.read(argc, argv);
  for (const std::string& url : chosen.servers) {
    if (http::absolute_url::parse(url)) continue;
    fmt::print(stderr, "{}: a server is given as http://HOST:PORT, not as \"{}\" (see --help)\n", argv[0], url);
    return 2;
  }
  return wring::run(serve, chosen);
}
