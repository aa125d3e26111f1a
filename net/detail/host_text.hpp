// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include <wring/core/detail/export.hpp>
#include <wring/core/result.hpp>
#include <wring/net/ip_address.hpp>

namespace wring::net::detail {

/// Reads the text of a host: returns an address, or none if it is a name to be looked up. errc::bad_address if it can
/// be neither, or resembles an address in a form that only some programs accept.
[[nodiscard]] WRING_API result<std::optional<ip_address>> read_host(std::string_view host) noexcept;

/// Reads the text of a port: returns a number, 0 for empty text, or none if it is the name of a service.
/// errc::bad_address if it can be neither.
[[nodiscard]] WRING_API result<std::optional<std::uint16_t>> read_service(std::string_view service) noexcept;

/// The two parts of "HOST:PORT", "[ADDRESS]:PORT". They point into the text.
struct host_and_service {
  std::string_view host;
  std::string_view service;
};
[[nodiscard]] WRING_API result<host_and_service> split_host(std::string_view text) noexcept;

}  // namespace wring::net::detail
