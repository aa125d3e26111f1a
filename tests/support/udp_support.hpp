// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <wring/net/udp_socket.hpp>

#include "support/tcp_support.hpp"

namespace wring::tests {

/// A socket that is used with plain system calls: the peer of what is tested.
class raw_udp {
 public:
  explicit raw_udp(const net::ip_address& address = net::ip_address::loopback_v4)
      : socket_(checked(::socket(address.is_v6() ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket")) {
    const net::socket_address any(address, 0);
    checked(::bind(socket_.get(), any.data(), any.size()), "bind");
  }

  [[nodiscard]] const raw_socket& socket() const noexcept { return socket_; }
  [[nodiscard]] net::socket_address address() const { return socket_.address(); }
  void send_to(const net::socket_address& to, std::string_view text) const {
    checked(::sendto(socket_.get(), text.data(), text.size(), 0, to.data(), to.size()), "sendto");
  }
  /// The next datagram, without blocking.
  [[nodiscard]] std::optional<std::string> take() const {
    std::string text(70'000, '\0');
    const ssize_t n = ::recv(socket_.get(), text.data(), text.size(), MSG_DONTWAIT);
    if (n < 0) return std::nullopt;
    text.resize(static_cast<std::size_t>(n));
    return text;
  }
  /// The same, waiting for it.
  [[nodiscard]] task<std::string> receive() const {
    for (;;) {
      auto text = take();
      if (text) co_return std::move(*text);
      co_await sleep_for(100us);
    }
  }
  void close() noexcept { socket_.close(); }

 private:
  raw_socket socket_;
};

/// The same of the engine's: a peer for every engine. Made and used by a task.
class udp_peer {
 public:
  explicit udp_peer(const net::ip_address& address = net::ip_address::loopback_v4) : socket_(made(address)) {}

  [[nodiscard]] net::socket_address address() const noexcept { return socket_.local_address(); }
  void send_to(const net::socket_address& to, std::string_view text) {
    if (!socket_.try_send_to(to, std::as_bytes(std::span(text)))) throw std::runtime_error("there is no room to send");
  }
  /// The next datagram.
  [[nodiscard]] task<std::string> receive() {
    const net::datagram d = co_await socket_.receive();
    co_return std::string(reinterpret_cast<const char*>(d.bytes().data()), d.bytes().size());
  }
  [[nodiscard]] task<> close() { co_await socket_.close(); }

 private:
  static net::udp_socket made(const net::ip_address& address) {
    engine& e = scheduler::current().engine();
    const int fd = e.open_socket(address.is_v6() ? AF_INET6 : AF_INET, SOCK_DGRAM, 0);
    const net::socket_address any(address, 0);
    if (fd < 0 || e.bind(fd, *any.data(), any.size()) < 0) throw std::runtime_error("a peer has no socket");
    return net::udp_socket::adopt(fd);
  }

  net::udp_socket socket_;
};

inline net::udp_options on_loopback() { return {.address = net::ip_address::loopback_v4}; }

inline std::string text_of(const net::datagram& d) {
  return {reinterpret_cast<const char*>(d.bytes().data()), d.bytes().size()};
}

}  // namespace wring::tests
