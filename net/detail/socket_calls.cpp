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

}  // namespace wring::net::detail
