// SPDX-License-Identifier: MIT
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <netinet/in.h>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <sys/un.h>

#include <fmt/core.h>

#include <wring/core/detail/export.hpp>
#include <wring/core/result.hpp>
#include <wring/net/ip_address.hpp>

namespace wring::net {

/// The address of a socket: an IP address and a port, or a unix socket with a path, with a name in Linux's abstract
/// namespace, or without either. A value of the size of the longest. Ordered: unix sockets (unnamed, abstract, with a
/// path), IPv4, IPv6; then by name, or by address and port.
class WRING_API socket_address {
 public:
  /// The most bytes in a unix socket's path or abstract name.
  static constexpr std::size_t max_path = sizeof(sockaddr_un::sun_path) - 1;

  /// No address.
  socket_address() noexcept = default;

  socket_address(const ip_address& ip, std::uint16_t port) noexcept;

  /// As parse(), but throws an `io_error` with `errc::bad_address`.
  explicit socket_address(std::string_view text);

  /// The unix socket in the file system at `path`. Throws an `io_error` with `errc::bad_address` where the path is
  /// empty, longer than `max_path`, or holds a NUL.
  [[nodiscard]] static socket_address from_path(std::string_view path);

  /// The unix socket with the abstract name `name` (see unix(7)), which may hold any bytes. Throws an `io_error`
  /// with `errc::bad_address` where it is longer than `max_path`.
  [[nodiscard]] static socket_address from_abstract_name(std::string_view name);

  /// An address that the kernel has returned. No address for families other than IPv4, IPv6 and unix, and where `size`
  /// is too small. An IPv6 flow label is not kept.
  [[nodiscard]] static socket_address from_sockaddr(const ::sockaddr* address, socklen_t size) noexcept {
    if (size < sizeof(::sockaddr_in) || address->sa_family != AF_INET) return from_other(address, size);
    socket_address v4;
    std::memcpy(&v4.raw_.v4, address, offsetof(::sockaddr_in, sin_zero));
    v4.size_ = sizeof v4.raw_.v4;
    return v4;
  }

  /// Parses `text`:
  ///
  ///     127.0.0.1:80    [::1]:80    [fe80::1%eth0]:80    unix:/run/x.sock    unix:@abstract
  ///
  /// In a unix socket's name any byte may be written as \xNN, some as \n, \r and \t, a backslash is \\, and an @ at the
  /// front of a path is \@. `errc::bad_address` for anything else, white space and host names included; the error's
  /// detail says what is wrong.
  [[nodiscard]] static result<socket_address> parse(std::string_view text) noexcept;

  [[nodiscard]] bool empty() const noexcept { return family() == AF_UNSPEC; }
  [[nodiscard]] bool is_v4() const noexcept { return family() == AF_INET; }
  [[nodiscard]] bool is_v6() const noexcept { return family() == AF_INET6; }
  [[nodiscard]] bool is_ip() const noexcept { return is_v4() || is_v6(); }
  [[nodiscard]] bool is_unix() const noexcept { return family() == AF_UNIX; }
  [[nodiscard]] bool is_unnamed() const noexcept { return is_unix() && name().empty(); }
  [[nodiscard]] bool is_abstract() const noexcept { return name().starts_with('\0'); }

  /// AF_INET, AF_INET6, AF_UNIX, or AF_UNSPEC for no address.
  [[nodiscard]] int family() const noexcept { return raw_.any.sa_family; }

  /// The IP address. Throws std::logic_error where there is none: check is_ip().
  [[nodiscard]] ip_address ip() const;

  /// The port, or 0 where there is none.
  [[nodiscard]] std::uint16_t port() const noexcept;

  /// The same IP address with another port; other addresses unchanged.
  [[nodiscard]] socket_address with_port(std::uint16_t port) const noexcept;

  /// The IPv4 address in a mapped IPv6 one, with the same port; any other unchanged.
  [[nodiscard]] socket_address unmapped() const noexcept;

  /// The path of a unix socket, empty where there is none. It points into this object.
  [[nodiscard]] std::string_view path() const noexcept { return is_abstract() ? std::string_view() : name(); }

  /// The abstract name of a unix socket, empty where there is none. It points into this object.
  [[nodiscard]] std::string_view abstract_name() const noexcept {
    return is_abstract() ? name().substr(1) : std::string_view();
  }

  /// For system calls. A path is followed by a NUL.
  [[nodiscard]] const ::sockaddr* data() const noexcept { return &raw_.any; }
  [[nodiscard]] socklen_t size() const noexcept { return size_; }

  /// The text that parse() accepts, apart from "" for no address and "unix:" for an unnamed socket. The scope of an
  /// IPv6 address is a number, as in ip_address::to_string().
  [[nodiscard]] std::string to_string() const;

  /// For errors about this address.
  operator error_address() const noexcept { return {raw_.any, size_}; }

  friend WRING_API bool operator==(const socket_address& a, const socket_address& b) noexcept { return a <=> b == 0; }
  friend WRING_API std::strong_ordering operator<=>(const socket_address& a, const socket_address& b) noexcept;

 private:
  static socket_address from_other(const ::sockaddr* address, socklen_t size) noexcept;
  static result<socket_address> parse_unix(std::string_view text) noexcept;

  /// Copies what must fit: a path, or a NUL and an abstract name.
  void set_name(std::string_view name) noexcept;

  /// What set_name() was given; empty for other families.
  std::string_view name() const noexcept;

  union {
    ::sockaddr_un un;  // the longest comes first: so all is zero at first
    ::sockaddr any;
    ::sockaddr_in v4;
    ::sockaddr_in6 v6;
  } raw_{};
  socklen_t size_ = sizeof(sa_family_t);
};

}  // namespace wring::net

template <>
struct std::hash<wring::net::socket_address> {
  WRING_API std::size_t operator()(const wring::net::socket_address& a) const noexcept;
};

/// Formats an address as its to_string(), with the specifications of a string.
template <>
struct fmt::formatter<wring::net::socket_address> : fmt::formatter<fmt::string_view> {
  WRING_API fmt::format_context::iterator format(const wring::net::socket_address& a,
                                                 fmt::format_context& context) const;
};
