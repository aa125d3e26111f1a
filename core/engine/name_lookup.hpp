// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <wring/core/detail/export.hpp>

namespace wring::detail {

/// A question to the system: the addresses of a host, with the port of a service.
struct name_request {
  name_request(std::string h, std::string s, int f, bool numeric = false)
      : host(std::move(h)), service(std::move(s)), family(f), numeric_host(numeric) {}

  std::string host;
  std::string service;  ///< a name; empty: port 0
  int family;           ///< AF_INET, AF_INET6, or AF_UNSPEC for both
  bool numeric_host;    ///< the host is an address already, and only the service is looked for
};

/// Why there is no answer.
enum class name_failure : std::uint8_t {
  none,
  not_found,   ///< there is no such name, or it has no address
  temporary,   ///< no server has answered
  refused,     ///< a server has refused to answer
  no_service,  ///< there is no such service
  system,      ///< `name_answer::error_number` says more
};

/// An IPv4 or IPv6 socket address.
struct name_address {
  std::uint32_t size = 0;
  alignas(8) std::array<std::byte, 32> bytes{};
};

struct name_answer {
  name_failure failure = name_failure::none;
  int error_number = 0;
  std::vector<name_address> addresses = {};  ///< in the order in which they are to be tried, RFC 6724
};

/// Asks the system, that is files, name servers and whatever else nsswitch.conf says. Blocks, for long maybe, and
/// cannot be interrupted. Any thread.
[[nodiscard]] WRING_API name_answer look_up_name(const name_request& request);

}  // namespace wring::detail
