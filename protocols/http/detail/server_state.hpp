// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <wring/core/detail/export.hpp>
#include <wring/core/duration.hpp>
#include <wring/core/scheduler.hpp>
#include <wring/core/steady_clock.hpp>
#include <wring/net/serve_options.hpp>
#include <wring/protocols/http/detail/forwarded.hpp>
#include <wring/protocols/http/detail/request_counts.hpp>
#include <wring/protocols/http/handler.hpp>
#include <wring/protocols/http/router.hpp>
#include <wring/protocols/http/server_limits.hpp>

namespace wring::http {
class access_log;
}

namespace wring::http::detail {

/// What the connections of a server share.
class WRING_API server_state {
 public:
  server_state(const router& r, const server_limits& l) noexcept : routes(r), limits(l) {}

  /// "HTTP/1.1 200 OK" and the field Date, now, with their line ends.
  [[nodiscard]] std::string_view beginning(scheduler& s) noexcept {
    // The time of day is not read for each answer of a turn.
    if (const std::int64_t turn = s.turn_time(); turn < date_from_ || turn >= date_until_) render_date(s, turn);
    return {beginning_.data(), beginning_.size()};
  }
  /// What of it is behind the status line.
  [[nodiscard]] std::string_view date_field(scheduler& s) noexcept { return beginning(s).substr(status_line.size()); }

  void met(met_limit l) noexcept {
    if (counts != nullptr) counts->add_limit(l);
  }
  /// Whether a request is to be looked at when it has ended.
  [[nodiscard]] bool is_observed() const noexcept { return log != nullptr || counts != nullptr; }

  /// Whether requests for this host and port are for this server.
  [[nodiscard]] bool is_host(std::string_view authority) const noexcept;
  /// How long it goes on accepting and answering although the program was asked to stop; zero: no longer.
  [[nodiscard]] duration lame_duck_left(scheduler& s) const noexcept;

  const router& routes;
  server_limits limits;
  std::optional<handler> on_error;
  std::vector<std::string> hosts = {};  ///< empty: all
  std::optional<trusted_proxies> proxies;
  std::optional<steady_clock::time_point> stopped = {};  ///< when the program was asked to stop
  access_log* log = nullptr;
  request_counts* counts = nullptr;      ///< null: nobody wants to know
  net::serve_counters connections = {};  ///< if somebody does
  std::uint64_t requests = 0;

 private:
  void render_date(scheduler& s, std::int64_t turn) noexcept;

  static constexpr std::string_view status_line = "HTTP/1.1 200 OK\r\n";
  static constexpr std::string_view date_form = "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n";

  std::array<char, status_line.size() + date_form.size()> beginning_ = [] {
    std::array<char, status_line.size() + date_form.size()> form{};
    date_form.copy(std::copy(status_line.begin(), status_line.end(), form.data()), date_form.size());
    return form;
  }();
  std::int64_t date_from_ = 0;
  std::int64_t date_until_ = 0;
};

}  // namespace wring::http::detail
