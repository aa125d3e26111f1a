// SPDX-License-Identifier: MIT
#include <cstring>

#include <wring/net/detail/compact_address.hpp>

namespace wring::net::detail {

compact_address::compact_address(const socket_address& address) {
  if (address.is_ip()) {
    std::memcpy(&raw_, address.data(), address.size());
  } else if (address.is_unix()) {
    raw_.named = {AF_UNIX, address.is_unnamed() ? nullptr : new socket_address(address)};
  }
}

socket_address compact_address::get() const noexcept {
  if (raw_.any.sa_family != AF_UNIX) return socket_address::from_sockaddr(&raw_.any, sizeof raw_);
  if (raw_.named.address != nullptr) return *raw_.named.address;
  return socket_address::from_sockaddr(&raw_.any, sizeof(sa_family_t));
}

}  // namespace wring::net::detail
