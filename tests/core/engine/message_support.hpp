// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <fcntl.h>
#include <netinet/in.h>
#include <span>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/engine/engine.hpp>
#include <wring/core/engine/message_buffers.hpp>

#include "noted_operation.hpp"

namespace wring::tests {

/// A multishot receive of messages that keeps what it gets.
struct messages : noted {
  messages(int descriptor, message_buffers& into)
      : noted(op_code::receive_message_multishot, descriptor, &into), of(into) {
    on_completion = [](operation& op, completion c) noexcept {
      auto& self = static_cast<messages&>(op);
      if (c.has_buffer()) self.got.push_back(self.of.take(c));
      if (c.more()) return;
      ++self.ended;
      self.results.push_back(c.has_buffer() ? 0 : c.result);
    };
  }
  message_buffers& of;
  std::deque<received_message> got;
};

inline std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
inline std::string text_of(const received_message& m) { return text_of(m.payload()); }

/// Turns until `done`, for so long that only a missing completion can be the reason to end without.
template <class Done>
bool turn_while_waiting(engine& e, Done done) {
  const std::int64_t deadline = e.now() + 10'000'000'000;
  while (!done() && e.now() < deadline) e.turn(deadline, 256);
  return done();
}

/// A UDP socket on loopback.
inline int udp_socket(::sockaddr_in& address) {
  const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  REQUIRE(fd >= 0);
  address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  REQUIRE(::bind(fd, reinterpret_cast<::sockaddr*>(&address), size) == 0);
  REQUIRE(::getsockname(fd, reinterpret_cast<::sockaddr*>(&address), &size) == 0);
  return fd;
}

/// Two UDP sockets; the second sends to the first.
struct udp_ends : both_ends {
  udp_ends() {
    fd[0] = udp_socket(receiver);
    fd[1] = udp_socket(sender);
    REQUIRE(::connect(fd[1], reinterpret_cast<const ::sockaddr*>(&receiver), sizeof receiver) == 0);
  }
  void send(std::string_view text) const {
    REQUIRE(::send(fd[1], text.data(), text.size(), 0) == static_cast<::ssize_t>(text.size()));
  }
  ::sockaddr_in receiver{};
  ::sockaddr_in sender{};
};

/// Whether a source address is `address`.
inline bool is(const ::sockaddr_in& address, const void* source, std::size_t size) {
  if (size != sizeof address) return false;
  ::sockaddr_in other{};
  std::memcpy(&other, source, sizeof other);
  return other.sin_family == AF_INET && other.sin_port == address.sin_port &&
         other.sin_addr.s_addr == address.sin_addr.s_addr;
}
inline bool is(const ::sockaddr_in& address, std::span<const std::byte> source) {
  return is(address, source.data(), source.size());
}

/// Lets the kernel meet what was submitted, and wait for it.
inline void settle(engine& e) {
  e.turn(engine::no_wait, 256);
  e.turn(engine::no_wait, 256);
}

/// Two ends of a unix socket of the kind `type`.
inline both_ends unix_ends(int type) {
  both_ends ends;
  REQUIRE(::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends.fd.data()) == 0);
  return ends;
}

/// The file that a descriptor stands for.
inline std::pair<::dev_t, ::ino_t> file_of(int fd) {
  struct ::stat status{};
  REQUIRE(::fstat(fd, &status) == 0);
  return {status.st_dev, status.st_ino};
}

/// Sends `text` with descriptors.
inline void send_descriptors(int to, std::string_view text, std::span<const int> descriptors) {
  std::vector<char> control(CMSG_SPACE(descriptors.size_bytes()));
  ::iovec part{const_cast<char*>(text.data()), text.size()};
  ::msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  ::cmsghdr* const head = CMSG_FIRSTHDR(&message);
  head->cmsg_level = SOL_SOCKET;
  head->cmsg_type = SCM_RIGHTS;
  head->cmsg_len = CMSG_LEN(descriptors.size_bytes());
  std::memcpy(CMSG_DATA(head), descriptors.data(), descriptors.size_bytes());
  REQUIRE(::sendmsg(to, &message, 0) == static_cast<::ssize_t>(text.size()));
}

/// The descriptors in control data.
inline std::vector<int> descriptors_in(std::span<const std::byte> control) {
  std::vector<int> found;
  ::msghdr message{};
  message.msg_control = const_cast<std::byte*>(control.data());
  message.msg_controllen = control.size();
  for (::cmsghdr* each = CMSG_FIRSTHDR(&message); each != nullptr; each = CMSG_NXTHDR(&message, each)) {
    if (each->cmsg_level != SOL_SOCKET || each->cmsg_type != SCM_RIGHTS) continue;
    found.resize(found.size() + (each->cmsg_len - CMSG_LEN(0)) / sizeof(int));
    std::memcpy(found.data(), CMSG_DATA(each), each->cmsg_len - CMSG_LEN(0));
  }
  return found;
}

/// A pipe whose reading end is at its end once every copy of the writing end is closed: to tell whether one has leaked.
class watched_descriptor {
 public:
  watched_descriptor() { REQUIRE(::pipe2(fd_.fd.data(), O_CLOEXEC | O_NONBLOCK) == 0); }
  [[nodiscard]] int get() const { return fd_.fd[1]; }
  /// Closes the original.
  void close() { ::close(std::exchange(fd_.fd[1], -1)); }
  [[nodiscard]] bool all_closed() const {
    char byte = 0;
    return ::read(fd_.fd[0], &byte, 1) == 0;
  }

 private:
  both_ends fd_;
};

}  // namespace wring::tests
