// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <vector>

#include "common/sockets.hpp"

namespace bench {

/// The floor for datagrams on epoll: as many as 32 are received with one call of recvmmsg for each readiness, and each
/// is sent back with a call of sendto.
class epoll_udp {
 public:
  explicit epoll_udp(std::uint16_t port) : fd_(bind_udp(port)) {
    epoll_event event{};
    event.events = EPOLLIN;
    epoll_ctl(epoll_, EPOLL_CTL_ADD, fd_, &event);
    for (unsigned i = 0; i != most; ++i) {
      parts_[i] = {.iov_base = memory_.data() + i * size, .iov_len = size};
      messages_[i].msg_hdr.msg_name = &names_[i];
      messages_[i].msg_hdr.msg_iov = &parts_[i];
      messages_[i].msg_hdr.msg_iovlen = 1;
    }
  }

  [[noreturn]] void run() {
    for (;;) {
      epoll_event event{};
      if (epoll_wait(epoll_, &event, 1, -1) == 1) echo();
    }
  }

 private:
  static constexpr unsigned most = 32;
  static constexpr std::size_t size = 2048;

  void echo() {
    for (mmsghdr& each : messages_) each.msg_hdr.msg_namelen = sizeof(sockaddr_storage);
    const int count = ::recvmmsg(fd_, messages_.data(), most, MSG_DONTWAIT, nullptr);
    for (int i = 0; i < count; ++i) {
      const mmsghdr& each = messages_[static_cast<std::size_t>(i)];
      ::sendto(fd_, each.msg_hdr.msg_iov->iov_base, each.msg_len, MSG_DONTWAIT,
               static_cast<const sockaddr*>(each.msg_hdr.msg_name), each.msg_hdr.msg_namelen);
    }
  }

  int fd_;
  int epoll_ = epoll_create1(EPOLL_CLOEXEC);
  std::vector<char> memory_ = std::vector<char>(most * size);
  std::array<sockaddr_storage, most> names_{};
  std::array<iovec, most> parts_{};
  std::array<mmsghdr, most> messages_{};
};

}  // namespace bench
