// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <wring/core/detail/export.hpp>
#include <wring/core/duration.hpp>
#include <wring/core/task.hpp>
#include <wring/net/connector.hpp>
#include <wring/protocols/http/request.hpp>
#include <wring/protocols/http/response.hpp>

namespace wring::http {

/// A handler for CONNECT (RFC 9110, section 9.3.6): makes tunnels, to where it is allowed to and nowhere else. Put an
/// authentication before it, where clients are not trusted.
///
///     wring::net::name_connector out;
///     wring::http::connect_proxy proxy(out, {"*.example.org:443", "10.1.2.3:5432"});
///     routes.connect([&](auto& rq, auto& rs) { return proxy.serve(rq, rs); });
class WRING_API connect_proxy {
 public:
  /// Makes connections by `connector`, which must outlive it. Each of `allowed` is a host and a port, as CONNECT has
  /// them; "*" stands for any port, "*.example.org" for the hosts below that name, and "*" for any host, also those
  /// that only this machine reaches. Throws std::invalid_argument for what is no such.
  connect_proxy(net::connector_ref connector, const std::vector<std::string>& allowed,
                duration connect = std::chrono::seconds(10));

  /// Answers a request: 403 where it is not allowed, 502 or 504 where it does not get, and otherwise a tunnel, until
  /// both sides have ended.
  [[nodiscard]] task<> serve(request& rq, response& rs);
  [[nodiscard]] bool allows(std::string_view authority) const noexcept;

 private:
  struct place {
    std::string host;    // in lower case; ".example.org" for those below; empty: any
    std::uint16_t port;  // 0: any
  };

  net::connector_ref connector_;
  std::vector<place> allowed_;
  duration connect_;
};

}  // namespace wring::http
