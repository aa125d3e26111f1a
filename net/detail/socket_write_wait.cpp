// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cerrno>
#include <limits>
#include <sys/socket.h>

#include <wring/net/detail/gathered.hpp>
#include <wring/net/detail/socket_write_wait.hpp>

namespace wring::net::detail {

void socket_write_wait::suspend() noexcept {
  if (tried_ || !socket_->idle_to_send()) return socket_->queue(*this, as_entry);
  begun_ = true;
  socket_->sends(*this, as_entry);
  on_completion = batched_send_ended;
  code = op_code::send;
  fd = socket_->native();
  data = const_cast<std::byte*>(left_.data());
  length = static_cast<std::uint32_t>(std::min<std::size_t>(left_.size(), std::numeric_limits<std::int32_t>::max()));
  flags = MSG_DONTWAIT;
  socket_->submit(*this);
}

void socket_write_wait::batched_send_ended(operation& op, completion c) noexcept {
  auto& self = static_cast<socket_write_wait&>(op);
  if (c.result == static_cast<std::int64_t>(self.left_.size())) [[likely]] {
    self.finish();
  } else {
    // A cancel reaches only what the engine has not begun yet: nothing of that was sent.
    self.tried_again(c.result == -ECANCELED ? -EAGAIN : c.result);
  }
}

socket_gather_write_wait::socket_gather_write_wait(send_side& s,
                                                   std::span<const std::span<const std::byte>> parts) noexcept
    : leaf(s), parts_(parts) {
  skip_empty();
}

void socket_gather_write_wait::skip_empty() noexcept {
  while (!parts_.empty() && parts_.front().size() == offset_) {
    parts_ = parts_.subspan(1);
    offset_ = 0;
  }
}

bool socket_gather_write_wait::advance(std::size_t sent) noexcept {
  while (sent != 0) {
    const std::size_t step = std::min(sent, parts_.front().size() - offset_);
    offset_ += step;
    sent -= step;
    skip_empty();
  }
  return !parts_.empty();
}

std::int32_t socket_gather_write_wait::attempt() noexcept {
  const gathered message(parts_, offset_);
  return socket_->attempt(message.header());
}

}  // namespace wring::net::detail
