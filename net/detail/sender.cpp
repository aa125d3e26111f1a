// SPDX-License-Identifier: MIT
#include <wring/net/detail/sender.hpp>

#include <algorithm>
#include <cerrno>

namespace wring::net::detail {

namespace {

constexpr std::size_t most_per_send = std::size_t{1} << 30;  // an operation's length has 32 bits

}  // namespace

sender::sender(stream_socket& s) noexcept : socket_(&s) {
  on_completion = [](operation& op, const completion& c) noexcept { static_cast<sender&>(op).on_sent(c); };
}

bool sender::ready() noexcept {
  if (!socket_->write_outcome()) {
    refused_ = true;
    return true;
  }
  return nothing_to_do();
}

void sender::send() noexcept {
  begun_ = true;
  if (prepare()) {
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

void sender::on_sent(const completion& c) noexcept {
  if (c.result >= 0) {
    sent_ += static_cast<std::uint64_t>(c.result);
    advance(static_cast<std::size_t>(c.result));
    if (!prepare()) {
      end(false);
    } else if (stop_requested() || socket_->closing()) {
      end(true);
    } else {
      socket_->submit(*this);
    }
  } else if (c.result == -ECANCELED && (stop_requested() || socket_->closing())) {
    end(true);
  } else if (c.result == -EINTR || c.result == -EAGAIN) {
    socket_->submit(*this);
  } else {
    errno_ = -c.result;
    socket_->note_write_error(errno_);
    end(false);
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

bool write_wait::prepare() noexcept {
  if (left_.empty()) return false;
  code = op_code::send;
  fd = socket_->native();
  data = const_cast<std::byte*>(left_.data());
  length = static_cast<std::uint32_t>(std::min(left_.size(), most_per_send));
  flags = MSG_WAITALL;
  return true;
}

gathered_write_wait::gathered_write_wait(stream_socket& s, std::span<const std::span<const std::byte>> parts) noexcept
    : sender(s), parts_(parts) {
  skip_empty();
}

void gathered_write_wait::skip_empty() noexcept {
  while (!parts_.empty() && parts_.front().size() == offset_) {
    parts_ = parts_.subspan(1);
    offset_ = 0;
  }
}

bool gathered_write_wait::prepare() noexcept {
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

void gathered_write_wait::advance(std::size_t count) noexcept {
  while (count != 0) {
    const std::size_t step = std::min(count, parts_.front().size() - offset_);
    offset_ += step;
    count -= step;
    skip_empty();
  }
}

bool shut_down_write_wait::prepare() noexcept {
  // ENOTCONN: the peer has reset the connection, which ends the stream as well.
  ::shutdown(socket_->native(), SHUT_WR);
  socket_->note_write_shut();
  return false;
}

}  // namespace wring::net::detail
