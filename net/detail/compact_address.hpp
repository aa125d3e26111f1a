// SPDX-License-Identifier: MIT
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <utility>

#include <wring/core/detail/export.hpp>
#include <wring/net/socket_address.hpp>

namespace wring::net::detail {

/// The address of a peer, in the room of an IP address: a Unix socket's name, which few peers have, is in a block of
/// its own.
class WRING_API compact_address {
 public:
  /// Throws std::bad_alloc for a name.
  explicit compact_address(const socket_address& address);
  compact_address(compact_address&& other) noexcept : raw_(std::exchange(other.raw_, {})) {}
  compact_address& operator=(compact_address&& other) noexcept {
    std::swap(raw_, other.raw_);
    return *this;
  }
  ~compact_address() {
    if (is_unix()) delete raw_.named.address;
  }

  [[nodiscard]] socket_address get() const noexcept;
  [[nodiscard]] bool is_unix() const noexcept { return raw_.any.sa_family == AF_UNIX; }

 private:
  struct named_address {
    sa_family_t family;
    const socket_address* address;  ///< null: unnamed
  };

  union storage {
    ::sockaddr_in6 v6;  // the longest comes first: so all is zero at first
    ::sockaddr_in v4;
    ::sockaddr any;
    named_address named;
  } raw_{};
};

}  // namespace wring::net::detail
