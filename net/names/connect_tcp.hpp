// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>
#include <type_traits>
#include <vector>

#include <wring/core/detail/export.hpp>
#include <wring/core/duration.hpp>
#include <wring/core/task.hpp>
#include <wring/net/connect_race.hpp>
#include <wring/net/resolver.hpp>
#include <wring/net/socket_address.hpp>
#include <wring/net/tcp_stream.hpp>

namespace wring::net {

/// What connecting by name has done, to find out why it took long. Filled in however it ends. All times are relative to
/// its beginning.
struct name_connect_report {
  std::vector<socket_address> addresses;                  ///< of the name, in the order in which they became known
  duration looked_up = {};                                ///< when the first of them was known
  std::vector<connect_attempt<socket_address>> attempts;  ///< in the order in which they began
};

/// How to connect to a host by its name.
struct name_connect_options {
  socket_address local = {};  ///< the address to connect from, whose family is the one tried; empty: the kernel chooses
  duration timeout = forever;  ///< for the lookup and all attempts together; zero or less: out of time at once
  bool no_delay = true;
  ip_family family = ip_family::any;
  duration attempt_delay = std::chrono::milliseconds(250);    ///< see `connect_race_options`
  duration resolution_delay = std::chrono::milliseconds(50);  ///< how much longer IPv6 addresses may take than IPv4's
  net::resolver* resolver = nullptr;                          ///< null: `default_resolver()`
  name_connect_report* report = nullptr;                      ///< to be filled in
};
static_assert(std::is_trivially_destructible_v<name_connect_options>);

/// Connects to a host, which is a name or an address (without brackets), and a port, which is a number or the name of a
/// service. Looks the name up, and tries its addresses as a `connect_race`, alternating between IPv6 and IPv4, 64 at
/// most: so a host whose IPv6 does not work, or one of whose addresses is dead, costs a quarter of a second.
/// Delivering.
///
/// The texts must stay valid until this has ended. Throws io_error naming host and port: what the resolver throws; if
/// every address has failed, the first one's fault, with a text that names each (eight at most); timeout_error.
[[nodiscard]] WRING_API task<tcp_stream> connect_tcp(std::string_view host, std::uint16_t port,
                                                     name_connect_options options = {});
[[nodiscard]] WRING_API task<tcp_stream> connect_tcp(std::string_view host, std::string_view service,
                                                     name_connect_options options = {});

/// The same for "HOST:PORT": "example.org:80", "192.0.2.1:80", "[2001:db8::1]:80", "example.org:http".
[[nodiscard]] WRING_API task<tcp_stream> connect_tcp(std::string_view host_and_port, name_connect_options options = {});

}  // namespace wring::net
