// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>
#include <vector>

#include <wring/core/detail/export.hpp>
#include <wring/core/task.hpp>
#include <wring/net/resolver.hpp>
#include <wring/net/socket_address.hpp>

namespace wring::net {

/// The resolver that is used by default: that of `use_resolver`, or else a system_resolver that each scheduler has.
/// Throws std::logic_error outside of a scheduler.
[[nodiscard]] WRING_API resolver& default_resolver();

/// Returns the addresses of a host, with the port of a service, from the default resolver: see `resolver::resolve`.
///
///     const auto addresses = co_await net::resolve("example.org", "https");
[[nodiscard]] WRING_API task<std::vector<socket_address>> resolve(std::string_view host, std::string_view service = {},
                                                                  ip_family family = ip_family::any);

}  // namespace wring::net
