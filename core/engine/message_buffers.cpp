// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstring>
#include <new>
#include <stdexcept>

#include <wring/core/engine/message_buffers.hpp>
#include <wring/core/error.hpp>

namespace wring {

namespace {

constexpr unsigned most_payload = 16 * 1024 * 1024;
constexpr unsigned most_control = 64 * 1024;
constexpr int pidfd_message = 4;  // SCM_PIDFD, Linux 6.5, which older headers lack

const message_buffer_options& checked(const message_buffer_options& options) {
  if (options.payload == 0 || options.payload > most_payload || options.control > most_control) {
    throw std::invalid_argument(
        "message_buffers: need room for 1 byte to 16 MiB of payload and up to 64 KiB of control data");
  }
  return options;
}

::msghdr request_for(const message_buffer_options& options) noexcept {
  ::msghdr request{};
  request.msg_namelen = message_buffers::source_room;
  request.msg_controllen = CMSG_ALIGN(options.control);
  return request;
}

buffer_pool_options pool_options(const message_buffer_options& options, std::size_t payload_offset) noexcept {
  return {.count = options.count,
          .size = static_cast<unsigned>(payload_offset) + options.payload,
          .initial = options.initial};
}

message_buffers::header header_of(const buffer_lease& lease) noexcept {
  message_buffers::header head{};
  std::memcpy(&head, lease.data(), sizeof head);
  return head;
}

/// Calls `visit(fd, place)` for each descriptor that is (still) in the control data.
template <class Visit>
void for_each_descriptor(std::span<const std::byte> control, Visit visit) noexcept {
  ::msghdr message{};
  message.msg_control = const_cast<std::byte*>(control.data());
  message.msg_controllen = control.size();
  for (::cmsghdr* each = CMSG_FIRSTHDR(&message); each != nullptr; each = CMSG_NXTHDR(&message, each)) {
    if (each->cmsg_level != SOL_SOCKET) continue;
    if (each->cmsg_type != SCM_RIGHTS && each->cmsg_type != pidfd_message) continue;
    const std::size_t size = each->cmsg_len - CMSG_LEN(0);
    for (std::size_t at = 0; at + sizeof(int) <= size; at += sizeof(int)) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(each) + at, sizeof fd);
      if (fd >= 0) visit(fd, CMSG_DATA(each) + at);
    }
  }
}

}  // namespace

message_buffers::message_buffers(engine& e, const message_buffer_options& options)
    : engine_(e), request_(request_for(checked(options))), pool_(pool_options(options, payload_offset())) {
  if (const int r = e.add_buffers(*this); r < 0) {
    error::from_errno(-r, "register receive buffers").with_count(pool_.capacity()).raise();
  }
}

message_buffers::~message_buffers() { engine_.remove_buffers(*this); }

std::span<const std::byte> received_message::control() const noexcept {
  if (of_ == nullptr) return {};
  const std::size_t size = std::min<std::size_t>(header_of(lease_).control_size, of_->control_room());
  return {lease_.data() + sizeof(message_buffers::header) + message_buffers::source_room, size};
}

std::size_t received_message::real_size() const noexcept {
  return of_ != nullptr ? std::max<std::size_t>(header_of(lease_).payload_size, payload().size()) : 0;
}

bool received_message::leave_buffer() noexcept {
  try {
    lease_ = buffer_lease::copy_of(lease_);
    return true;
  } catch (const std::bad_alloc&) {
    return false;
  }
}

std::uint32_t received_message::flags() const noexcept { return of_ != nullptr ? header_of(lease_).flags : 0; }

buffer_lease received_message::take_payload() && noexcept {
  if (of_ == nullptr) return {};
  close_descriptors();
  lease_.consume(std::exchange(of_, nullptr)->payload_offset());
  return std::move(lease_);
}

int received_message::take_descriptor() noexcept {
  int taken = -1;
  if (owns_descriptors_) {
    for_each_descriptor(control(), [&taken](int fd, unsigned char* place) noexcept {
      if (taken >= 0) return;
      taken = fd;
      constexpr int none = -1;
      std::memcpy(place, &none, sizeof none);
    });
  }
  return taken;
}

void received_message::close_descriptors() noexcept {
  if (of_ == nullptr || !owns_descriptors_) return;
  close_received_descriptors(of_->engine_, control());
  owns_descriptors_ = false;
}

void close_received_descriptors(engine& e, std::span<const std::byte> control) noexcept {
  for_each_descriptor(control, [&e](int fd, unsigned char*) noexcept { e.close_descriptor(fd); });
}

}  // namespace wring
