// SPDX-License-Identifier: MIT
#include <cerrno>
#include <sys/socket.h>

#include <wring/core/error.hpp>
#include <wring/net/detail/socket_calls.hpp>

namespace wring::net::detail {

descriptor make_socket(const socket_address& address, int type, const char* operation) {
  descriptor fd(::socket(address.family(), type | SOCK_CLOEXEC, 0));
  if (fd.get() < 0) {
    const error e = error::from_errno(errno, operation).with_address(address);
    (errno == EMFILE ? e.with_detail("raise the process's limit of descriptors (ulimit -n, LimitNOFILE=)") : e).raise();
  }
  return fd;
}

void set_option(int fd, int level, int name, int value, const char* operation) {
  if (::setsockopt(fd, level, name, &value, sizeof value) != 0) {
    error::from_errno(errno, operation).with_address(peer_address_of(fd)).raise();
  }
}

namespace {

template <class Call>
socket_address address_from(Call call, int fd) noexcept {
  ::sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  if (call(fd, reinterpret_cast<::sockaddr*>(&storage), &size) != 0) return {};
  return socket_address::from_sockaddr(reinterpret_cast<::sockaddr*>(&storage), size);
}

}  // namespace

socket_address local_address_of(int fd) noexcept { return address_from(::getsockname, fd); }
socket_address peer_address_of(int fd) noexcept { return address_from(::getpeername, fd).unmapped(); }

socket_address accepted_peer_address_of(int fd) noexcept {
  if (const socket_address peer = peer_address_of(fd); !peer.empty()) return peer;
  // getpeername(2) asks for a connection that stands. This option asks only for a name, of exactly the size given.
  for (const socklen_t size : {socklen_t{sizeof(::sockaddr_in6)}, socklen_t{sizeof(::sockaddr_in)}}) {
    const auto name = [=](int socket, ::sockaddr* address, socklen_t* length) {
      *length = size;
      return ::getsockopt(socket, SOL_SOCKET, SO_PEERNAME, address, length);
    };
    if (const socket_address peer = address_from(name, fd); !peer.empty()) return peer.unmapped();
  }
  return {};
}

void do_not_linger(int fd) noexcept {
  ::linger found{};
  socklen_t size = sizeof found;
  if (::getsockopt(fd, SOL_SOCKET, SO_LINGER, &found, &size) != 0 || found.l_onoff == 0 || found.l_linger == 0) return;
  const ::linger off{};
  ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &off, sizeof off);
}

void reset_on_close(int fd) noexcept {
  const ::linger now{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

}  // namespace wring::net::detail
