// SPDX-License-Identifier: MIT
#include <algorithm>
#include <charconv>
#include <cstddef>
#include <system_error>

#include <fmt/format.h>

#include <wring/net/detail/address_error.hpp>
#include <wring/net/ip_network.hpp>

namespace wring::net {

namespace {

unsigned bits_of(const ip_address& address) noexcept { return address.is_v4() ? 32 : 128; }

/// The bits of a byte that belong to the prefix.
unsigned char mask(unsigned prefix, std::size_t byte) noexcept {
  const auto first_bit = static_cast<unsigned>(byte * 8);
  if (prefix <= first_bit) return 0;
  const unsigned bits = std::min(prefix - first_bit, 8U);
  return static_cast<unsigned char>(0xffU << (8 - bits));
}

template <class Bytes>
ip_address cleared(const ip_address& address, unsigned prefix) noexcept {
  Bytes bytes{};
  for (std::size_t i = 0; i != bytes.size(); ++i) {
    bytes[i] = static_cast<unsigned char>(address.bytes()[i] & mask(prefix, i));
  }
  return ip_address(bytes);
}

}  // namespace

ip_network::ip_network(const ip_address& address, unsigned prefix) noexcept
    : prefix_(std::min(prefix, bits_of(address))) {
  address_ = address.is_v4() ? cleared<ip_address::v4_bytes>(address, prefix_)
                             : cleared<ip_address::v6_bytes>(address, prefix_);
}

ip_network::ip_network(const ip_address& address) noexcept : ip_network(address, bits_of(address)) {}

ip_network::ip_network(std::string_view text) : prefix_(0) {
  const auto parsed = parse(text);
  if (!parsed) detail::raise_about(parsed.error(), text);
  *this = *parsed;
}

result<ip_network> ip_network::parse(std::string_view text) noexcept {
  const std::size_t slash = text.find('/');
  const auto address = ip_address::parse(text.substr(0, slash));
  if (!address) return detail::bad_address(text, "expected an IP address, or one with a prefix as in 10.0.0.0/8");
  if (slash == std::string_view::npos) return ip_network(*address);
  const std::string_view digits = text.substr(slash + 1);
  unsigned prefix = 0;
  const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), prefix);
  if (failed != std::errc() || end != digits.data() + digits.size() || prefix > bits_of(*address) ||
      (digits.front() == '0' && digits.size() > 1)) {
    return detail::bad_address(text, "the prefix is a number up to 32 for IPv4, up to 128 for IPv6");
  }
  const ip_network network(*address, prefix);
  if (network.address() != address->with_scope_id(0)) {
    return detail::bad_address(text, "the address has bits set after the prefix");
  }
  return network;
}

bool ip_network::contains(const ip_address& address) const noexcept {
  const ip_address plain = address.unmapped();
  return plain.is_v4() == address_.is_v4() && ip_network(plain, prefix_).address() == address_;
}

std::string ip_network::to_string() const { return fmt::format("{}/{}", address_, prefix_); }

}  // namespace wring::net
