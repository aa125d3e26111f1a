// SPDX-License-Identifier: MIT
#include <array>
#include <cerrno>
#include <stdexcept>
#include <sys/socket.h>

#include <wring/core/scheduler.hpp>
#include <wring/net/detail/bind_unix.hpp>
#include <wring/net/detail/saturate.hpp>
#include <wring/net/detail/socket_calls.hpp>
#include <wring/net/unix_datagram.hpp>

namespace wring::net {

namespace {

constexpr const char* what = "receive on";
constexpr std::size_t most_bytes = 65'535;

void check(const unix_datagram_options& options) {
  if (options.largest == 0 || options.largest > most_bytes) {
    throw std::invalid_argument("unix_datagram_options::largest is not between 1 and 65535");
  }
  if (options.receive_queue == 0) {
    throw std::invalid_argument("unix_datagram_options::receive_queue is 0: it must be at least 1");
  }
}

void prepare(engine& e, int fd, const unix_datagram_options& options) {
  if (options.credentials) detail::require_option(e, fd, SOL_SOCKET, SO_PASSCRED, 1, "set SO_PASSCRED");
  if (options.send_buffer != 0) {
    detail::require_option(e, fd, SOL_SOCKET, SO_SNDBUF, detail::saturate(options.send_buffer), "set SO_SNDBUF");
  }
}

detail::datagram_socket* make(descriptor fd, const unix_datagram_options& options, const socket_address& peer = {}) {
  auto* const made = new detail::datagram_socket(std::move(fd), options.largest, options.receive_queue, peer);
  if (options.descriptors) made->keep_descriptors();
  return made;
}

/// Nothing but a family. The kernel binds it to an abstract name that it chooses.
socket_address anywhere() noexcept {
  constexpr ::sockaddr family{.sa_family = AF_UNIX, .sa_data = {}};
  return socket_address::from_sockaddr(&family, sizeof family.sa_family);
}

}  // namespace

void unix_datagram::check_descriptors(std::size_t count) {
  if (count > detail::outgoing_datagram::most_descriptors) {
    throw std::invalid_argument("more than 16 descriptors are to be sent with a datagram");
  }
}

unix_datagram unix_datagram::adopt(int fd, const unix_datagram_options& options) {
  check(options);
  static_cast<void>(check_adopted(fd, &socket_address::is_unix));
  prepare(scheduler::current().engine(), fd, options);
  unix_datagram adopted(own_adopted(fd, options.largest, options.receive_queue));
  if (options.descriptors) adopted.socket().keep_descriptors();
  return adopted;
}

task<unix_datagram> bind_unix_datagram(socket_address address, unix_datagram_options options) {
  check(options);
  if (address.empty()) address = anywhere();
  if (!address.is_unix()) error::from_errno(EAFNOSUPPORT, what).with_address(address).raise();
  engine& e = scheduler::current().engine();
  descriptor fd = detail::make_socket(e, address, SOCK_DGRAM, what);
  prepare(e, fd.get(), options);
  socket_file made;
  if (address.is_unnamed()) {
    if (const int r = e.bind(fd.get(), *address.data(), address.size()); r < 0) error::from_errno(-r, what).raise();
  } else {
    const socket_file_options how{.mode = options.mode, .replace_stale = options.replace_stale};
    made = co_await detail::bind_unix(fd.get(), address, how, what);
  }
  unix_datagram bound(make(std::move(fd), options));
  if (options.remove_file) bound.socket().own_file(made);
  co_return bound;
}

task<unix_datagram> bind_unix_datagram(std::string_view path, unix_datagram_options options) {
  return bind_unix_datagram(socket_address::from_path(path), options);
}

task<unix_datagram> connect_unix_datagram(socket_address peer, unix_datagram_options options) {
  if (!peer.is_unix() || peer.is_unnamed()) error::from_errno(EAFNOSUPPORT, "connect to").with_address(peer).raise();
  unix_datagram s = co_await bind_unix_datagram(socket_address(), options);
  co_await s.connect(peer);
  co_return s;
}

task<unix_datagram> connect_unix_datagram(std::string_view path, unix_datagram_options options) {
  return connect_unix_datagram(socket_address::from_path(path), options);
}

std::pair<unix_datagram, unix_datagram> datagram_pair(unix_datagram_options options) {
  check(options);
  engine& e = scheduler::current().engine();
  std::array<int, 2> made{};
  if (const int r = e.open_socket_pair(SOCK_DGRAM, made); r < 0) error::from_errno(-r, "make a socket pair").raise();
  descriptor first(made[0]);
  descriptor second(made[1]);
  prepare(e, first.get(), options);
  prepare(e, second.get(), options);
  const socket_address unnamed = detail::peer_address_of(e, first.get());
  unix_datagram near(make(std::move(first), options, unnamed));
  return {std::move(near), unix_datagram(make(std::move(second), options, unnamed))};
}

}  // namespace wring::net
