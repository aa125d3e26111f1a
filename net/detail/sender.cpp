// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <wring/net/detail/sender.hpp>

namespace wring::net::detail {

inline void sender::finish() noexcept {
  complete();
  socket_->sender_ended(*this);
}

bool sender::attempted(std::int32_t sent) noexcept {
  if (sent >= 0) {
    sent_ += static_cast<std::uint32_t>(sent);
    tried_ = advance(static_cast<std::size_t>(sent));
    return !tried_;
  }
  tried_ = sent == -EAGAIN || sent == -EINTR || sent == -ENOBUFS || sent == -ENOMEM;
  if (tried_) return false;
  errno_ = socket_->note_write_error(-sent);
  return true;
}

bool sender::send() noexcept {
  begun_ = true;
  if (!tried_ && attempted(attempt())) {
    complete();
    return true;
  }
  wait_for_room();
  return false;
}

void sender::wait_for_room() noexcept {
  on_completion = room_found;
  code = op_code::poll;
  fd = socket_->native();
  data = nullptr;
  flags = POLLOUT;
  socket_->submit(*this);
}

void sender::room_found(operation& op, completion c) noexcept {
  auto& self = static_cast<sender&>(op);
  if (c.result == -ECANCELED && self.ending()) {
    self.give_up();
  } else if (c.result < 0 && c.result != -ECANCELED && c.result != -EINTR) {
    self.errno_ = self.socket_->note_write_error(-c.result);
    self.finish();
  } else {
    self.tried_again(self.attempt());  // a fault of the socket is found here, too
  }
}

void sender::tried_again(std::int32_t sent) noexcept {
  if (attempted(sent)) {
    finish();
  } else if (ending()) {
    give_up();
  } else {
    wait_for_room();
  }
}

void sender::refuse() noexcept {
  refused_ = true;
  complete();
}

void sender::stop() noexcept {
  if (begun_) {
    socket_->request_stop(*this);
  } else {
    socket_->unqueue(*this);
    confirm_stop();
  }
}

void sender::give_up() noexcept {
  if (sent_ != 0) socket_->note_torn(sent_);
  if (!stop_requested()) {
    refused_ = true;  // the socket was closed meanwhile
    return finish();
  }
  confirm_stop();
  socket_->sender_ended(*this);
}

result<void> sender::resume_result() const noexcept {
  if (errno_ != 0) return socket_->fault(errno_, "write to");
  if (refused_) return socket_->write_outcome();
  return {};
}

wait_description sender::describe() const noexcept {
  return {.operation = "write to", .fd = socket_->native(), .address = socket_->peer()};
}

void write_wait::suspend() noexcept {
  if (tried_ || !socket_->idle_to_send()) return socket_->queue(*this);
  begun_ = true;
  socket_->sends(*this);
  on_completion = gathered_send_ended;
  code = op_code::send;
  fd = socket_->native();
  data = const_cast<std::byte*>(left_.data());
  length = static_cast<std::uint32_t>(std::min<std::size_t>(left_.size(), std::numeric_limits<std::int32_t>::max()));
  flags = MSG_DONTWAIT;
  socket_->submit(*this);
}

void write_wait::gathered_send_ended(operation& op, completion c) noexcept {
  auto& self = static_cast<write_wait&>(op);
  if (c.result == static_cast<std::int64_t>(self.left_.size())) [[likely]] {
    self.finish();
  } else {
    // A stop reaches only what the engine has not begun yet: nothing of that was sent.
    self.tried_again(c.result == -ECANCELED ? -EAGAIN : c.result);
  }
}

gathered_write_wait::gathered_write_wait(stream_socket& s, std::span<const std::span<const std::byte>> parts) noexcept
    : leaf(s), parts_(parts) {
  skip_empty();
}

void gathered_write_wait::skip_empty() noexcept {
  while (!parts_.empty() && parts_.front().size() == offset_) {
    parts_ = parts_.subspan(1);
    offset_ = 0;
  }
}

bool gathered_write_wait::advance(std::size_t sent) noexcept {
  while (sent != 0) {
    const std::size_t step = std::min(sent, parts_.front().size() - offset_);
    offset_ += step;
    sent -= step;
    skip_empty();
  }
  return !parts_.empty();
}

std::int32_t gathered_write_wait::attempt() noexcept {
  std::array<::iovec, 16> vector;
  std::size_t count = 0;
  std::size_t skip = offset_;
  for (const std::span<const std::byte> part : parts_.first(std::min(parts_.size(), vector.size()))) {
    vector[count++] = {const_cast<std::byte*>(part.data()) + skip, part.size() - skip};
    skip = 0;
  }
  ::msghdr message{};
  message.msg_iov = vector.data();
  message.msg_iovlen = count;
  return socket_->attempt(message);
}

std::int32_t shut_down_write_wait::attempt() noexcept {
  // ENOTCONN: the peer has reset the connection, which ends the stream as well.
  ::shutdown(socket_->native(), SHUT_WR);
  socket_->note_write_shut();
  return 0;
}

}  // namespace wring::net::detail
