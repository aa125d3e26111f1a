// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <wring/core/detail/export.hpp>
#include <wring/net/serve_options.hpp>

namespace wring::http {

class request;
class response;

namespace detail {
class request_counts;
}

/// What servers have counted: requests by method and status, how long they took, bytes, connections, and the limits
/// that clients have met. Give it to `server::count_in`; all schedulers may share one, and each counts in a place of
/// its own, without waiting and without allocating. Make it before the runtime: it must outlive the servers.
///
///     http::metrics counts;
///     server.count_in(counts);
///     routes.get("/metrics", http::metrics_page(counts));
class WRING_API metrics {
 public:
  metrics();
  metrics(const metrics&) = delete;
  metrics& operator=(const metrics&) = delete;
  ~metrics();

  /// In the text format of Prometheus, version 0.0.4. Connections of other schedulers are those of when one of theirs
  /// last began or ended. Any thread. Throws std::bad_alloc.
  [[nodiscard]] std::string text() const;

 private:
  friend class server;

  /// A place for a server that is used on the current scheduler.
  [[nodiscard]] detail::request_counts& add_server(const net::serve_counters& connections);

  mutable std::mutex mutex_;  // of the list
  std::vector<std::unique_ptr<detail::request_counts>> servers_;
};

/// A handler that answers what a `metrics` has counted, which must outlive it. Whoever may ask sees how much the server
/// is used: put an authentication around it, or serve it on a port of its own.
class WRING_API metrics_page {
 public:
  explicit metrics_page(const metrics& m) noexcept : metrics_(&m) {}

  void operator()(request& rq, response& rs) const;

 private:
  const metrics* metrics_;
};

}  // namespace wring::http
