// SPDX-License-Identifier: MIT
#pragma once

#include <compare>
#include <string>
#include <string_view>

#include <wring/core/detail/export.hpp>
#include <wring/core/result.hpp>
#include <wring/net/ip_address.hpp>

namespace wring::net {

/// A range of IP addresses that begin with the same bits: "10.0.0.0/8". A small value. Scopes play no part.
class WRING_API ip_network {
 public:
  /// The addresses whose first `prefix` bits are those of `address`; a longer prefix than the address has is cut. The
  /// other bits of `address` are cleared.
  ip_network(const ip_address& address, unsigned prefix) noexcept;
  /// This address alone.
  explicit(false) ip_network(const ip_address& address) noexcept;
  /// As parse(), but throws an `io_error` with `errc::bad_address`.
  explicit ip_network(std::string_view text);

  /// Parses "192.0.2.0/24", "2001:db8::/32", or an address alone, which is the network of this address. The bits after
  /// the prefix must be zero. `errc::bad_address` for anything else; the error's detail says what is wrong.
  [[nodiscard]] static result<ip_network> parse(std::string_view text) noexcept;

  [[nodiscard]] const ip_address& address() const noexcept { return address_; }
  [[nodiscard]] unsigned prefix() const noexcept { return prefix_; }
  /// An IPv4 address in a mapped IPv6 one counts as the former.
  [[nodiscard]] bool contains(const ip_address& address) const noexcept;
  /// The text that parse() accepts, always with the prefix.
  [[nodiscard]] std::string to_string() const;

  friend bool operator==(const ip_network&, const ip_network&) noexcept = default;

 private:
  ip_address address_;
  unsigned prefix_;
};

}  // namespace wring::net
