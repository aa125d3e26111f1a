// SPDX-License-Identifier: MIT
#include <cstring>
#include <new>
#include <stdexcept>
#include <utility>

#include <wring/net/detail/descriptor_inbox.hpp>

namespace wring::net::detail {

namespace {

constexpr std::size_t message_size = std::size_t{16} * 1024;

/// Calls `visit(fd)` for each descriptor in a message.
template <class Visit>
void for_each_descriptor(::msghdr& message, Visit visit) noexcept {
  for (::cmsghdr* each = CMSG_FIRSTHDR(&message); each != nullptr; each = CMSG_NXTHDR(&message, each)) {
    if (each->cmsg_level != SOL_SOCKET || each->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t size = each->cmsg_len - CMSG_LEN(0);
    for (std::size_t at = 0; at + sizeof(int) <= size; at += sizeof(int)) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(each) + at, sizeof fd);
      visit(descriptor(fd));
    }
  }
}

}  // namespace

void check_descriptors(std::size_t count) {
  if (count > descriptor_inbox::most_at_once) {
    throw std::invalid_argument("more than 253 descriptors of a stream: the kernel passes no more in one message");
  }
}

descriptor_inbox::descriptor_inbox(unsigned most) : most_(most) {
  check_descriptors(most);
  kept_.reserve(most);
  control_ = std::make_unique<std::byte[]>(CMSG_SPACE(most * sizeof(int)));
}

std::unique_ptr<descriptor_inbox> make_descriptor_inbox(unsigned most) {
  return most == 0 ? nullptr : std::make_unique<descriptor_inbox>(most);
}

::msghdr* descriptor_inbox::next_message() noexcept {
  if (memory_.empty()) {
    try {
      memory_ = buffer_lease::allocate(message_size);
    } catch (const std::bad_alloc&) {
      return nullptr;
    }
  }
  const std::size_t room = most_ - kept_.size();
  part_ = {memory_.data(), memory_.size()};
  message_ = {};
  message_.msg_iov = &part_;
  message_.msg_iovlen = 1;
  message_.msg_control = room != 0 ? control_.get() : nullptr;
  // Not CMSG_SPACE, which may have room for one more.
  message_.msg_controllen = room != 0 ? CMSG_LEN(room * sizeof(int)) : 0;
  return &message_;
}

buffer_lease descriptor_inbox::received(std::size_t count) noexcept {
  if (!take_over()) return {};
  bytes_ += count;
  memory_.truncate(count);
  return std::move(memory_);
}

bool descriptor_inbox::take_over() noexcept {
  if ((message_.msg_flags & MSG_CTRUNC) != 0) {
    for_each_descriptor(message_, [](descriptor) noexcept {});
    return false;
  }
  for_each_descriptor(message_, [this](descriptor fd) noexcept { kept_.push_back({bytes_, std::move(fd)}); });
  return true;
}

descriptor descriptor_inbox::take(std::size_t not_taken) noexcept {
  if (kept_.empty() || kept_.front().byte + not_taken >= bytes_) return {};
  descriptor next = std::move(kept_.front().fd);
  kept_.erase(kept_.begin());
  return next;
}

}  // namespace wring::net::detail
