// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <sys/socket.h>

#include "common/ring.hpp"

namespace bench {

/// The floor for datagrams: an echo with one multishot receive of messages into a ring of 256 buffers, and a call of
/// sendto for each.
class uring_udp {
 public:
  explicit uring_udp(std::uint16_t port) : fd_(bind_udp(port)) {}

  [[noreturn]] void run() {
    receive();
    for (;;) {
      ring_.enter(1);
      ring_.drain([this](const io_uring_cqe& completion) { handle(completion); });
    }
  }

 private:
  void receive() {
    io_uring_sqe& entry = ring_.next();
    entry.opcode = IORING_OP_RECVMSG;
    entry.fd = fd_;
    entry.addr = reinterpret_cast<std::uint64_t>(&request_);
    entry.flags = IOSQE_BUFFER_SELECT;
    entry.ioprio = IORING_RECV_MULTISHOT;
  }

  void handle(const io_uring_cqe& completion) {
    if (completion.res >= 0 && (completion.flags & IORING_CQE_F_BUFFER) != 0) {
      const std::uint16_t buffer = buffers_.take(completion);
      const char* const at = buffers_.at(buffer);
      io_uring_recvmsg_out head{};
      std::memcpy(&head, at, sizeof head);
      const char* const name = at + sizeof head;
      const std::size_t payload = static_cast<std::size_t>(completion.res) - sizeof head - request_.msg_namelen;
      ::sendto(fd_, name + request_.msg_namelen, payload, MSG_DONTWAIT, reinterpret_cast<const sockaddr*>(name),
               head.namelen);
      buffers_.give_back(buffer);
    }
    if ((completion.flags & IORING_CQE_F_MORE) == 0) receive();
  }

  int fd_;
  msghdr request_ = [] {
    msghdr request{};
    request.msg_namelen = sizeof(sockaddr_storage);
    return request;
  }();
  ring ring_{256, 4096};
  buffer_ring buffers_{ring_, 256, 4096};
};

}  // namespace bench
