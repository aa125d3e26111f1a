// SPDX-License-Identifier: MIT
#include <functional>
#include <utility>

#include <wring/protocols/http/server.hpp>
#include <wring/protocols/http/testing/router_connector.hpp>

namespace wring::http::testing {

namespace {

task<> serve_end(net::memory_stream end, const router& routes, server_limits limits) {
  co_await serve_connection(net::stream_ref(end), routes, limits);
}

}  // namespace

task<net::any_stream> router_connector::connect(net::connect_target target) {
  const char* const kind = target.kind == net::connection_kind::tls ? "tls " : "tcp ";
  targets_.push_back(kind + std::string(target.host) + ":" + std::to_string(target.port));
  auto ends = net::make_memory_stream_pair(how_);
  nursery_.start(serve_end, std::move(ends.second), std::cref(routes_), limits_);
  co_return net::any_stream(std::move(ends.first));
}

}  // namespace wring::http::testing
