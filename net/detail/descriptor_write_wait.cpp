// SPDX-License-Identifier: MIT
#include <array>
#include <cstring>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/uio.h>

#include <wring/net/detail/descriptor_inbox.hpp>
#include <wring/net/detail/descriptor_write_wait.hpp>

namespace wring::net::detail {

descriptor_write_wait::descriptor_write_wait(send_side& s, std::span<const std::byte> bytes,
                                             std::span<const int> descriptors)
    : leaf(s), left_(bytes), descriptors_(descriptors) {
  check_descriptors(descriptors.size());
  if (bytes.empty()) throw std::invalid_argument("descriptors are to be written without a byte to attach them to");
}

std::int32_t descriptor_write_wait::attempt() noexcept {
  if (descriptors_.empty()) return socket_->attempt(left_);
  alignas(::cmsghdr) std::array<std::byte, CMSG_SPACE(descriptor_inbox::most_at_once * sizeof(int))> control;
  ::iovec part{const_cast<std::byte*>(left_.data()), left_.size()};
  ::msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = CMSG_SPACE(descriptors_.size_bytes());
  std::memset(control.data(), 0, message.msg_controllen);
  ::cmsghdr& rights = *CMSG_FIRSTHDR(&message);
  rights.cmsg_level = SOL_SOCKET;
  rights.cmsg_type = SCM_RIGHTS;
  rights.cmsg_len = CMSG_LEN(descriptors_.size_bytes());
  std::memcpy(CMSG_DATA(&rights), descriptors_.data(), descriptors_.size_bytes());
  return socket_->attempt(message);
}

bool descriptor_write_wait::advance(std::size_t sent) noexcept {
  descriptors_ = {};  // the kernel has them
  left_ = left_.subspan(sent);
  return !left_.empty();
}

}  // namespace wring::net::detail
