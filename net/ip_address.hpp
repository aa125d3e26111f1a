// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include <fmt/core.h>

#include <wring/core/detail/export.hpp>
#include <wring/core/format.hpp>
#include <wring/core/result.hpp>

namespace wring::net {

/// An IPv4 or IPv6 address; an IPv6 address that is local to an interface (`takes_scope()`) has a scope: the number of
/// that interface, or 0 if unspecified. A small value, ordered: IPv4 before IPv6, then by bytes, then by scope.
class WRING_API ip_address {
 public:
  using v4_bytes = std::array<unsigned char, 4>;
  using v6_bytes = std::array<unsigned char, 16>;

  static const ip_address any_v4;       ///< 0.0.0.0: every IPv4 address of the host
  static const ip_address any_v6;       ///< ::, every address of the host
  static const ip_address loopback_v4;  ///< 127.0.0.1
  static const ip_address loopback_v6;  ///< ::1

  /// 0.0.0.0
  constexpr ip_address() noexcept = default;

  /// The address with `bytes`, in network byte order.
  explicit constexpr ip_address(const v4_bytes& bytes) noexcept { std::ranges::copy(bytes, bytes_.begin()); }
  /// The scope of an address that has none is dropped.
  explicit constexpr ip_address(const v6_bytes& bytes, std::uint32_t scope_id = 0) noexcept
      : bytes_(bytes), is_v6_(true) {
    if (takes_scope()) scope_id_ = scope_id;
  }

  /// As parse(), but throws an `io_error` with `errc::bad_address`.
  explicit ip_address(std::string_view text);

  /// Parses `text`: "192.0.2.1" (four decimals without leading zeros), "2001:db8::1", "fe80::1%eth0" or "fe80::1%2" (a
  /// number without leading zeros, and only where takes_scope()). `errc::bad_address` for anything else, white space
  /// and names included; the error's detail says what is wrong. An interface's name is looked up in the host's list of
  /// interfaces; nothing else is looked up.
  [[nodiscard]] static result<ip_address> parse(std::string_view text) noexcept;

  [[nodiscard]] constexpr bool is_v4() const noexcept { return !is_v6_; }
  [[nodiscard]] constexpr bool is_v6() const noexcept { return is_v6_; }

  /// The 4 or 16 bytes, in network byte order.
  [[nodiscard]] constexpr std::span<const unsigned char> bytes() const noexcept {
    return std::span(bytes_).first(is_v6_ ? 16 : 4);
  }

  [[nodiscard]] constexpr std::uint32_t scope_id() const noexcept { return scope_id_; }

  /// Whether the address is local to an interface: IPv6's fe80::/10, and its multicast of interface-local (ff01::) and
  /// link-local (ff02::) scope.
  [[nodiscard]] constexpr bool takes_scope() const noexcept {
    if (!is_v6_) return false;
    if (bytes_[0] == 0xff) return (bytes_[1] & 0x0f) == 1 || (bytes_[1] & 0x0f) == 2;
    return bytes_[0] == 0xfe && bytes_[1] >> 6 == 2;
  }

  /// The same address with another scope; an address without a scope is returned unchanged.
  [[nodiscard]] constexpr ip_address with_scope_id(std::uint32_t scope_id) const noexcept {
    ip_address copy = *this;
    if (takes_scope()) copy.scope_id_ = scope_id;
    return copy;
  }

  /// Whether this is an IPv4 address in IPv6 form, ::ffff:192.0.2.1 (RFC 4291, section 2.5.5.2). A dual-stack listener
  /// sees its IPv4 peers in this form.
  [[nodiscard]] constexpr bool is_v4_mapped() const noexcept {
    constexpr v6_bytes prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    return is_v6_ && std::equal(prefix.begin(), prefix.begin() + 12, bytes_.begin());
  }

  /// The IPv4 address in a mapped one; any other unchanged.
  [[nodiscard]] constexpr ip_address unmapped() const noexcept {
    if (!is_v4_mapped()) return *this;
    return ip_address(v4_bytes{bytes_[12], bytes_[13], bytes_[14], bytes_[15]});
  }

  /// What kind of address it is. A mapped address is of the kind of the IPv4 address in it.
  /// @{
  /// 0.0.0.0 or ::
  [[nodiscard]] constexpr bool is_unspecified() const noexcept { return unmapped().bytes_ == v6_bytes{}; }
  /// 127.0.0.0/8 or ::1
  [[nodiscard]] constexpr bool is_loopback() const noexcept {
    const auto a = unmapped();
    return a.is_v6_ ? a.bytes_ == v6_bytes{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1} : a.bytes_[0] == 127;
  }
  /// 224.0.0.0/4 or ff00::/8
  [[nodiscard]] constexpr bool is_multicast() const noexcept {
    const auto a = unmapped();
    return a.is_v6_ ? a.bytes_[0] == 0xff : a.bytes_[0] >> 4 == 14;
  }
  /// 169.254.0.0/16 (RFC 3927) or fe80::/10
  [[nodiscard]] constexpr bool is_link_local() const noexcept {
    const auto a = unmapped();
    return a.is_v6_ ? a.bytes_[0] == 0xfe && a.bytes_[1] >> 6 == 2 : a.bytes_[0] == 169 && a.bytes_[1] == 254;
  }
  /// 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 (RFC 1918) or fc00::/7 (RFC 4193)
  [[nodiscard]] constexpr bool is_private() const noexcept {
    const auto a = unmapped();
    if (a.is_v6_) return a.bytes_[0] >> 1 == 0xfc >> 1;
    return a.bytes_[0] == 10 || (a.bytes_[0] == 172 && a.bytes_[1] >> 4 == 1) ||
           (a.bytes_[0] == 192 && a.bytes_[1] == 168);
  }
  /// @}

  /// "192.0.2.1", "2001:db8::1" (as RFC 5952 has it), "::ffff:192.0.2.1", "fe80::1%2". The scope is always a number:
  /// finding its name takes a descriptor, and there may be none when an error about that is to be printed.
  [[nodiscard]] std::string to_string() const;

  friend constexpr bool operator==(const ip_address&, const ip_address&) noexcept = default;
  friend constexpr std::strong_ordering operator<=>(const ip_address& a, const ip_address& b) noexcept {
    if (const auto family = a.is_v6_ <=> b.is_v6_; family != 0) return family;
    if (const auto bytes = a.bytes_ <=> b.bytes_; bytes != 0) return bytes;
    return a.scope_id_ <=> b.scope_id_;
  }

 private:
  v6_bytes bytes_{};  // zero after an IPv4 address
  std::uint32_t scope_id_ = 0;
  bool is_v6_ = false;
};

inline constexpr ip_address ip_address::any_v4{};
inline constexpr ip_address ip_address::any_v6{v6_bytes{}};
inline constexpr ip_address ip_address::loopback_v4{v4_bytes{127, 0, 0, 1}};
inline constexpr ip_address ip_address::loopback_v6{v6_bytes{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};

}  // namespace wring::net

template <>
struct std::hash<wring::net::ip_address> {
  WRING_API std::size_t operator()(const wring::net::ip_address& a) const noexcept;
};

/// Formats an address as its to_string(), with the specifications of a string.
template <>
struct fmt::formatter<wring::net::ip_address> : fmt::formatter<fmt::string_view> {
  WRING_API fmt::format_context::iterator format(const wring::net::ip_address& a, fmt::format_context& context) const;
};
