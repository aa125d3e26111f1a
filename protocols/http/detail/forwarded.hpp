// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include <wring/core/detail/export.hpp>
#include <wring/core/error.hpp>
#include <wring/net/ip_address.hpp>
#include <wring/net/ip_network.hpp>
#include <wring/protocols/http/fields.hpp>
#include <wring/protocols/http/forwarding.hpp>

namespace wring::http::detail {

/// Whom a server believes for whom a request was forwarded.
struct trusted_proxies {
  std::vector<net::ip_network> networks;
  forwarding how = forwarding::forwarded;
};

/// Where a request comes from.
struct request_origin {
  error_address client;
  std::string_view scheme;  ///< that the client has used; empty if it is not known
  bool forwarded = false;   ///< the client is not who has connected
};

/// Finds out from whom a request comes that `peer` has sent. Each proxy adds at the end for whom it forwards, so the
/// list is believed from its end on, as long as who added an element is trusted: the client is the last one in it that
/// is no trusted proxy. What stands before that, or before an element that is none or names no address, may have been
/// made up.
[[nodiscard]] WRING_API request_origin origin_of(const error_address& peer, const fields& headers,
                                                 const trusted_proxies& trusted) noexcept;

/// The address in a node of Forwarded or X-Forwarded-For: alone, with a port, or, if it is IPv6, in brackets. None for
/// "unknown" and what else there is.
[[nodiscard]] WRING_API std::optional<net::ip_address> address_of_node(std::string_view node) noexcept;

}  // namespace wring::http::detail
