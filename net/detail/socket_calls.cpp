// SPDX-License-Identifier: MIT
#include <array>
#include <cerrno>
#include <netinet/in.h>
#include <span>
#include <sys/socket.h>

#include <wring/core/error.hpp>
#include <wring/net/detail/socket_calls.hpp>

namespace wring::net::detail {

namespace {

template <class T>
std::span<std::byte> bytes_of(T& value) noexcept {
  return std::as_writable_bytes(std::span(&value, 1));
}

/// What `call` has said of an address and written to `storage`.
socket_address address_from(const ::sockaddr_storage& storage, int size) noexcept {
  if (size < 0) return {};
  return socket_address::from_sockaddr(reinterpret_cast<const ::sockaddr*>(&storage), static_cast<::socklen_t>(size));
}

}  // namespace

descriptor make_socket(engine& e, const socket_address& address, int type, const char* operation) {
  const int fd = e.open_socket(address.family(), type, 0);
  if (fd < 0) {
    const error failed = error::from_errno(-fd, operation).with_address(address);
    (fd == -EMFILE ? failed.with_detail("raise the process's limit of descriptors (ulimit -n, LimitNOFILE=)") : failed)
        .raise();
  }
  return descriptor(fd);
}

int set_option(engine& e, int fd, int level, int name, int value) noexcept {
  return e.set_option(fd, level, name, bytes_of(value));
}

void require_option(engine& e, int fd, int level, int name, int value, const char* operation) {
  if (const int r = set_option(e, fd, level, name, value); r < 0) {
    error::from_errno(-r, operation).with_address(peer_address_of(e, fd)).raise();
  }
}

int option_of(engine& e, int fd, int level, int name) noexcept {
  int value = 0;
  const int r = e.get_option(fd, level, name, bytes_of(value));
  return r < 0 ? r : value;
}

socket_address local_address_of(engine& e, int fd) noexcept {
  ::sockaddr_storage storage{};
  return address_from(storage, e.local_address(fd, bytes_of(storage)));
}

socket_address peer_address_of(engine& e, int fd) noexcept {
  ::sockaddr_storage storage{};
  return address_from(storage, e.peer_address(fd, bytes_of(storage))).unmapped();
}

socket_address accepted_peer_address_of(engine& e, int fd) noexcept {
  if (const socket_address peer = peer_address_of(e, fd); !peer.empty()) return peer;
  // getpeername(2) asks for a connection that stands. This option asks only for a name, of exactly the size given.
  for (const std::size_t size : {sizeof(::sockaddr_in6), sizeof(::sockaddr_in)}) {
    ::sockaddr_storage storage{};
    const int r = e.get_option(fd, SOL_SOCKET, SO_PEERNAME, bytes_of(storage).first(size));
    if (const socket_address peer = address_from(storage, r); !peer.empty()) return peer.unmapped();
  }
  return {};
}

socket_address told_address_of(const accepted_address& a) noexcept {
  if (a.size == 0) return {};
  return socket_address::from_sockaddr(reinterpret_cast<const ::sockaddr*>(a.bytes.data()), a.size).unmapped();
}

void do_not_linger(engine& e, int fd) noexcept {
  ::linger found{};
  if (e.get_option(fd, SOL_SOCKET, SO_LINGER, bytes_of(found)) < 0 || found.l_onoff == 0 || found.l_linger == 0) return;
  ::linger off{};
  static_cast<void>(e.set_option(fd, SOL_SOCKET, SO_LINGER, bytes_of(off)));
}

void reset_on_close(engine& e, int fd) noexcept {
  ::linger now{.l_onoff = 1, .l_linger = 0};
  static_cast<void>(e.set_option(fd, SOL_SOCKET, SO_LINGER, bytes_of(now)));
}

}  // namespace wring::net::detail
