// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include <wring/core/detail/export.hpp>
#include <wring/core/result.hpp>
#include <wring/net/ip_address.hpp>

namespace wring::net::detail {

/// What a text says that stands for a host: an address; or nothing, if it is a name to be looked up. errc::bad_address
/// if it can be neither, or is nearly an address, in forms that some read and others do not.
[[nodiscard]] WRING_API result<std::optional<ip_address>> read_host(std::string_view host) noexcept;

/// What a text says that stands for a port: a number, 0 for no text; or nothing, if it is the name of a service.
/// errc::bad_address if it can be neither.
[[nodiscard]] WRING_API result<std::optional<std::uint16_t>> read_service(std::string_view service) noexcept;

/// The two parts of "HOST:PORT", "[ADDRESS]:PORT". They point into the text.
struct host_and_service {
  std::string_view host;
  std::string_view service;
};
[[nodiscard]] WRING_API result<host_and_service> split_host(std::string_view text) noexcept;

}  // namespace wring::net::detail
