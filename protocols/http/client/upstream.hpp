// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <wring/core/detail/export.hpp>
#include <wring/core/duration.hpp>
#include <wring/core/steady_clock.hpp>
#include <wring/core/task.hpp>
#include <wring/protocols/http/absolute_url.hpp>
#include <wring/protocols/http/client/client.hpp>
#include <wring/protocols/http/client/forward.hpp>
#include <wring/protocols/http/request.hpp>
#include <wring/protocols/http/response.hpp>

namespace wring::http {

struct upstream_limits {
  unsigned max_failures = 3;                       ///< one after the other, until a server is left alone
  duration rest = std::chrono::seconds(10);        ///< for so long; then one request tries it
  duration check_every = std::chrono::seconds(5);  ///< between two checks of a server's health
  duration check_timeout = std::chrono::seconds(2);
};

/// Several servers that answer the same requests: each goes to the one that has the fewest in progress. A server that
/// fails is left alone for a while, and another one is tried where that is safe: nothing of the request's body was
/// read, and no answer has come.
///
///     wring::http::upstream backend(web, {"http://10.0.0.1:8080", "http://10.0.0.2:8080"});
///     routes.any("/{rest...}", [&](auto& rq, auto& rs) { return backend.forward(rq, rs); });
///
/// One thread. It must outlive its requests, and the client must outlive it.
class WRING_API upstream {
 public:
  /// What is known of a server.
  struct server_state {
    std::string origin;
    std::size_t active = 0;      ///< requests in progress
    std::uint64_t requests = 0;  ///< so far
    std::uint64_t failures = 0;  ///< so far
    bool healthy = true;         ///< gets requests
  };

  /// Throws std::invalid_argument if there is no server, or one is no URL.
  upstream(client& web, const std::vector<std::string>& origins, const upstream_limits& limits = {});
  upstream(const upstream&) = delete;
  upstream& operator=(const upstream&) = delete;

  /// As http::forward. 503 with Retry-After if no server is healthy.
  [[nodiscard]] task<> forward(request& rq, response& rs);
  [[nodiscard]] task<> forward(request& rq, response& rs, const forward_hooks& hooks);
  /// Asks each server for `path` every `limits.check_every`, until the program is asked to stop: one that does not
  /// answer with a status of 200 to 399 in time gets no requests until it does. To be started in a nursery of the
  /// program's.
  [[nodiscard]] task<> check_health(std::string path);

  [[nodiscard]] std::vector<server_state> servers() const;

 private:
  struct server {
    absolute_url origin;
    std::size_t active = 0;
    std::uint64_t requests = 0;
    std::uint64_t failures = 0;
    unsigned in_a_row = 0;
    bool checked_out = false;  // a check has failed
    steady_clock::time_point rests_until = {};
  };
  struct active_request;

  [[nodiscard]] static bool is_healthy(const server& s) noexcept;
  /// The one with the fewest requests of those that have not been tried; null: there is none.
  [[nodiscard]] server* pick(const std::vector<bool>& tried) noexcept;
  void failed(server& s) noexcept;
  [[nodiscard]] task<bool> check(const server& s, const std::string& path);

  client& web_;
  upstream_limits limits_;
  std::vector<server> servers_;
  std::size_t next_ = 0;  // where the search begins, so that equals take turns
};

}  // namespace wring::http
