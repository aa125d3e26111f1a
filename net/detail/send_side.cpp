// SPDX-License-Identifier: MIT
#include <cerrno>

#include <wring/core/detail/plants.hpp>
#include <wring/net/detail/gathered.hpp>
#include <wring/net/detail/send_side.hpp>

namespace wring::net::detail {

namespace {

/// Errors of a send that are the connection's own: they end it.
bool is_connection_fault(int error_number) noexcept {
  switch (error_number) {
    case ECONNABORTED:
    case ECONNREFUSED:
    case ECONNRESET:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case ENETDOWN:
    case ENETRESET:
    case ENETUNREACH:
    case EPROTO:
    case ETIMEDOUT:
      return true;
    default:
      return false;
  }
}

}  // namespace

std::int32_t send_side::attempt_file(int file, std::uint64_t at, std::size_t count) noexcept {
  const std::int32_t r = sched_->engine().attempt_send_file(fd_.get(), file, at, count);
  return r >= 0 || no_room(r) || r == -EPIPE || is_connection_fault(-r) ? r : 0;
}

result<void> send_side::write_outcome() const noexcept {
  if ((state_ & (is_closing | write_shut)) != 0) return fault(errc::closed, "write to");
  if ((state_ & write_torn) != 0) return fault(errc::write_torn, "write to").with_count(torn_after_);
  if (write_errno_ != 0) return fault(write_errno_, "write to");
  return {};
}

void send_side::queue(send_entry& s, const send_entry::functions& f) noexcept {
  s.functions_ = &f;
  if (sending_ != nullptr) {
    send_queue_.push(s);
  } else {
    sending_ = &s;
    if (f.send(s)) sending_ = nullptr;
  }
}

void send_side::next_send(const send_entry& s) noexcept {
  if (sending_ == &s) sending_ = nullptr;
  while (!send_queue_.empty() && sending_ == nullptr) {
    send_entry& successor = *send_queue_.pop();
    if (!writable()) {
      successor.functions_->refuse(successor);
    } else {
      sending_ = &successor;
      if (successor.functions_->send(successor)) sending_ = nullptr;
    }
  }
  if (closing()) operation_ended();
}

int send_side::note_write_error(int error_number) noexcept {
  if (error_number == EPIPE && (state_ & end_of_file) == 0) {
    // This side was not shut down, so the peer has reset the connection, as the read has reported or will report.
    error_number = read_errno_ != 0 ? read_errno_ : (state_ & fault_told) != 0 ? write_errno_ : ECONNRESET;
  } else if (is_connection_fault(error_number)) {
    state_ |= fault_told;
  }
  state_ |= write_failed;
  write_errno_ = static_cast<std::uint8_t>(error_number);
  return error_number;
}

void send_side::note_torn(std::uint64_t sent) noexcept {
  if (WRING_PLANTED("torn-write")) return;
  state_ |= write_torn;
  torn_after_ = sent;
}

std::size_t send_side::try_write(std::span<const std::span<const std::byte>> parts) noexcept {
  if (!writable() || !idle_to_send()) return 0;
  std::int32_t sent = 0;
  if (parts.size() == 1) {
    if (parts.front().empty()) return 0;
    sent = attempt(parts.front());
  } else {
    const gathered message(parts);
    if (message.empty()) return 0;
    sent = attempt(message.header());
  }
  return counted(sent);
}

std::size_t send_side::try_write_before(std::span<const std::byte> bytes) noexcept {
  if (bytes.empty() || !writable() || !idle_to_send()) return 0;
  ::iovec part{const_cast<std::byte*>(bytes.data()), bytes.size()};
  ::msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_flags = MSG_MORE;
  return counted(attempt(message));
}

std::size_t send_side::try_send_file(int file, std::uint64_t at, std::size_t count) noexcept {
  if (count == 0 || !writable() || !idle_to_send()) return 0;
  return counted(attempt_file(file, at, count));
}

std::size_t send_side::counted(std::int32_t sent) noexcept {
  if (sent >= 0) return static_cast<std::size_t>(sent);
  if (!no_room(sent)) static_cast<void>(note_write_error(-sent));
  return 0;
}

void send_side::cancel_sending() noexcept {
  while (send_entry* const waiting = send_queue_.pop()) waiting->functions_->refuse(*waiting);
  if (sending_ != nullptr && sending_->functions_->interrupt(*sending_)) sending_ = nullptr;
}

}  // namespace wring::net::detail
