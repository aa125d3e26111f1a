// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <wring/core/detail/export.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/task.hpp>
#include <wring/net/connector.hpp>
#include <wring/net/memory_stream.hpp>
#include <wring/net/stream.hpp>
#include <wring/protocols/http/router.hpp>
#include <wring/protocols/http/server_limits.hpp>

namespace wring::http::testing {

/// A connector whose connections lead to routes of the test's own, in memory, whatever their host: a client is tested
/// against them without a network. It pretends to make TLS connections, too.
///
///     wring::http::router routes;
///     routes.get("/weather", [](http::request&, http::response& rs) { rs.json(R"({"wind": 3})"); });
///     wring::nursery n;
///     wring::http::testing::router_connector there(n, routes);
///     wring::http::client web(there);
///     ... n.run(...)
///
/// The connections are served by children of the nursery, which end when the client is destroyed: within the nursery's
/// body. Nursery and routes must outlive it.
class WRING_API router_connector {
 public:
  router_connector(nursery& n, const router& routes, const server_limits& limits = {},
                   const net::memory_stream_options& how = {}) noexcept
      : nursery_(n), routes_(routes), limits_(limits), how_(how) {}

  /// See `net::connector`.
  [[nodiscard]] task<net::any_stream> connect(net::connect_target target);
  /// "tcp example.org:80", "tls example.org:443", of each connection so far.
  [[nodiscard]] const std::vector<std::string>& targets() const noexcept { return targets_; }

 private:
  nursery& nursery_;
  const router& routes_;
  server_limits limits_;
  net::memory_stream_options how_;
  std::vector<std::string> targets_;
};

}  // namespace wring::http::testing
