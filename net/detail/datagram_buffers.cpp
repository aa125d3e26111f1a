// SPDX-License-Identifier: MIT
#include <algorithm>
#include <bit>

#include <wring/core/scheduler.hpp>
#include <wring/net/detail/datagram_buffers.hpp>

namespace wring::net::detail {

message_buffers& datagram_buffers::with_room_for(std::size_t largest) {
  const std::size_t room = std::bit_ceil(std::clamp(largest, least, most));
  auto& group = groups_[static_cast<std::size_t>(std::countr_zero(room / least))];
  if (group == nullptr) {
    group = std::make_unique<message_buffers>(
        home_.engine(),
        message_buffer_options{.count = count, .payload = static_cast<unsigned>(room), .control = control});
  }
  return *group;
}

}  // namespace wring::net::detail
