// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cerrno>

#include <wring/net/detail/sender.hpp>

namespace wring::net::detail {

namespace {

constexpr std::size_t most_per_send = std::size_t{1} << 30;  // an operation's length has 32 bits

}  // namespace

bool sender::attempted(std::int32_t sent) noexcept {
  if (sent > 0) {
    sent_ = static_cast<std::uint32_t>(sent);
    return !next(static_cast<std::size_t>(sent));
  }
  // A ring operation waits for what is short; whatever else is wrong, it would meet as well.
  if (sent == 0 || sent == -EAGAIN || sent == -EINTR || sent == -ENOBUFS || sent == -ENOMEM) return false;
  errno_ = -sent;
  socket_->note_write_error(errno_);
  return true;
}

void sender::send() noexcept {
  begun_ = true;
  on_completion = completed;
  if (next(0)) {
    socket_->submit(*this);
  } else {
    end(false);
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

void sender::completed(operation& op, completion c) noexcept {
  auto& self = static_cast<sender&>(op);
  if (c.result >= 0) {
    self.sent_ += static_cast<std::uint32_t>(c.result);
    if (!self.next(static_cast<std::size_t>(c.result))) {
      self.end(false);
    } else if (self.stop_requested() || self.socket_->closing()) {
      self.end(true);
    } else {
      self.socket_->submit(self);
    }
  } else if (const bool interrupted = c.result == -EINTR || c.result == -EAGAIN;
             (interrupted || c.result == -ECANCELED) && (self.stop_requested() || self.socket_->closing())) {
    self.end(true);
  } else if (interrupted) {
    self.socket_->submit(self);
  } else {
    self.errno_ = -c.result;
    self.socket_->note_write_error(self.errno_);
    self.end(false);
  }
}

void sender::end(bool stopped) noexcept {
  if (stopped && sent_ != 0) socket_->note_torn(sent_);
  if (stopped && stop_requested()) {
    confirm_stop();
  } else {
    refused_ = stopped;  // the socket was closed meanwhile
    complete();
  }
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

bool write_wait::next(std::size_t sent) noexcept {
  left_ = left_.subspan(sent);
  if (left_.empty()) return false;
  code = op_code::send;
  fd = socket_->native();
  data = const_cast<std::byte*>(left_.data());
  length = static_cast<std::uint32_t>(std::min(left_.size(), most_per_send));
  flags = MSG_WAITALL;
  return true;
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

bool gathered_write_wait::ready() noexcept {
  if (refused() || !next(0)) return true;
  return socket_->idle_to_send() && attempted(socket_->attempt(message_));
}

bool gathered_write_wait::next(std::size_t sent) noexcept {
  while (sent != 0) {
    const std::size_t step = std::min(sent, parts_.front().size() - offset_);
    offset_ += step;
    sent -= step;
    skip_empty();
  }
  if (parts_.empty()) return false;
  std::size_t count = 0;
  std::size_t skip = offset_;
  for (const std::span<const std::byte> part : parts_.first(std::min(parts_.size(), vector_.size()))) {
    vector_[count++] = {const_cast<std::byte*>(part.data()) + skip, part.size() - skip};
    skip = 0;
  }
  message_.msg_iov = vector_.data();
  message_.msg_iovlen = count;
  code = op_code::send_message;
  fd = socket_->native();
  data = &message_;
  flags = MSG_WAITALL;
  return true;
}

bool shut_down_write_wait::next(std::size_t) noexcept {
  // ENOTCONN: the peer has reset the connection, which ends the stream as well.
  ::shutdown(socket_->native(), SHUT_WR);
  socket_->note_write_shut();
  return false;
}

}  // namespace wring::net::detail
