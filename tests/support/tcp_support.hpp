// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include <wring/core/nursery.hpp>
#include <wring/core/sleep.hpp>
#include <wring/core/task.hpp>
#include <wring/core/testing/run.hpp>
#include <wring/core/this_task.hpp>
#include <wring/core/timeout.hpp>
#include <wring/net/tcp_listener.hpp>
#include <wring/net/tcp_stream.hpp>

namespace wring::tests {

using namespace std::chrono_literals;

/// Throws the errno of a system call that has failed.
inline int checked(long result, const char* call) {
  if (result < 0) throw std::system_error(errno, std::generic_category(), call);
  return static_cast<int>(result);
}

/// A TCP socket that is used with plain system calls: the peer of what is tested.
class raw_socket {
 public:
  explicit raw_socket(int fd) noexcept : fd_(fd) {}
  raw_socket(raw_socket&& other) noexcept : fd_(other.release()) {}
  raw_socket& operator=(raw_socket&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~raw_socket() { close(); }

  [[nodiscard]] static raw_socket make(int family = AF_INET) {
    return raw_socket(checked(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
  }
  [[nodiscard]] static raw_socket connected_to(const net::socket_address& address) {
    raw_socket s = make(address.family());
    checked(::connect(s.fd_, address.data(), address.size()), "connect");
    return s;
  }
  [[nodiscard]] static raw_socket listening(int backlog = 16) {
    raw_socket s = make();
    s.option(SOL_SOCKET, SO_REUSEADDR, 1);
    const net::socket_address any(net::ip_address::loopback_v4, 0);
    checked(::bind(s.fd_, any.data(), any.size()), "bind");
    checked(::listen(s.fd_, backlog), "listen");
    return s;
  }
  [[nodiscard]] raw_socket accepted() const {
    return raw_socket(checked(::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC), "accept"));
  }

  [[nodiscard]] int get() const noexcept { return fd_; }
  [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }
  [[nodiscard]] net::socket_address address() const {
    ::sockaddr_storage name{};
    socklen_t size = sizeof name;
    checked(::getsockname(fd_, reinterpret_cast<::sockaddr*>(&name), &size), "getsockname");
    return net::socket_address::from_sockaddr(reinterpret_cast<::sockaddr*>(&name), size);
  }
  void option(int level, int name, int value) const {
    checked(::setsockopt(fd_, level, name, &value, sizeof value), "setsockopt");
  }

  /// Blocks until all is in the socket's buffer.
  void send(std::string_view text) const {
    while (!text.empty()) {
      const int sent = checked(::send(fd_, text.data(), text.size(), MSG_NOSIGNAL), "send");
      text.remove_prefix(static_cast<std::size_t>(sent));
    }
  }

  /// What is there, without blocking; `ended` says that it was all, `reset` that the peer has reset the connection.
  std::string take() {
    std::string all;
    char chunk[65536];
    ssize_t n = 0;
    while ((n = ::recv(fd_, chunk, sizeof chunk, MSG_DONTWAIT)) > 0) all.append(chunk, static_cast<std::size_t>(n));
    if (n == 0) ended = true;
    if (n < 0 && errno == ECONNRESET) reset = true;
    return all;
  }

  /// Exactly `count` bytes, or what there was until the end.
  task<std::string> receive(std::size_t count) {
    std::string all;
    while (all.size() < count) {
      all += take();
      if (ended || reset || all.size() >= count) break;
      co_await sleep_for(100us);
    }
    co_return all;
  }
  /// Everything up to the end.
  task<std::string> receive_all() { return receive(std::string::npos); }

  void shut_down_write() const { checked(::shutdown(fd_, SHUT_WR), "shutdown"); }
  /// Closes with an RST.
  void reset_connection() {
    const ::linger now{.l_onoff = 1, .l_linger = 0};
    checked(::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now), "setsockopt");
    close();
  }
  void close() noexcept {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }

  bool ended = false;
  bool reset = false;

 private:
  int fd_;
};

/// A stream and the plain socket at its other end.
struct connection {
  net::tcp_stream stream;
  raw_socket peer;
};

/// `segment`: the most bytes in a packet; with it, both ends also have small buffers.
inline connection make_connection(int segment = 0) {
  const raw_socket listener = raw_socket::listening();
  raw_socket near = raw_socket::make();
  near.option(IPPROTO_TCP, TCP_NODELAY, 1);
  for (const raw_socket* each : std::initializer_list<const raw_socket*>{&listener, &near}) {
    if (segment == 0) break;
    each->option(IPPROTO_TCP, TCP_MAXSEG, segment);
    each->option(SOL_SOCKET, SO_RCVBUF, 8 * segment);
    each->option(SOL_SOCKET, SO_SNDBUF, 4 * segment);
  }
  const net::socket_address address = listener.address();
  checked(::connect(near.get(), address.data(), address.size()), "connect");
  connection c{net::tcp_stream::adopt(near.get()), listener.accepted()};
  c.peer.option(IPPROTO_TCP, TCP_NODELAY, 1);
  static_cast<void>(near.release());
  return c;
}

/// Both ends of a connection as streams.
struct stream_pair {
  net::tcp_stream a;
  net::tcp_stream b;
};

inline stream_pair make_stream_pair(int segment = 0) {
  connection c = make_connection(segment);
  stream_pair pair{std::move(c.stream), net::tcp_stream::adopt(c.peer.get())};
  static_cast<void>(c.peer.release());
  return pair;
}

/// Runs `fn()` as testing::run does, for half a minute at most.
template <class Fn>
auto run_net(Fn&& fn, const scheduler_options& options = {}) {
  const auto limited = [&fn] { return with_timeout(30s, fn); };
  return testing::run(limited, options);
}

/// Waits until `condition()`.
template <class Condition>
task<> until(Condition condition) {
  while (!condition()) co_await sleep_for(100us);
}

/// Long enough for what the kernel has been told on loopback to show on this side.
inline auto a_moment() { return sleep_for(2ms); }

inline std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
inline std::string_view text_of(const buffer_lease& chunk) { return text_of(std::span<const std::byte>(chunk)); }

/// The error that `op` fails with, as text; "no error" otherwise.
template <class Fn>
std::string message_of(Fn&& fn) {
  try {
    static_cast<void>(fn());
  } catch (const std::exception& e) {
    return e.what();
  }
  return "no error";
}

/// `count` bytes that tell their position.
inline std::string pattern(std::size_t count, std::size_t from = 0) {
  std::string text(count, '\0');
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint64_t position = (from + i) / 4;
    text[i] = static_cast<char>((position * 0x9e3779b97f4a7c15ULL) >> (32 + 8 * ((from + i) % 4)));
  }
  return text;
}

/// Where two texts differ; npos if they do not.
inline std::size_t first_difference(std::string_view a, std::string_view b) {
  const auto [x, y] = std::ranges::mismatch(a, b);
  return x == a.end() && y == b.end() ? std::string_view::npos : static_cast<std::size_t>(x - a.begin());
}

}  // namespace wring::tests
