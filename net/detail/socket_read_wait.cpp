// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstring>

#include <wring/net/detail/socket_read_wait.hpp>

namespace wring::net::detail {

void socket_read_some_wait::cancel() noexcept {
  socket_->cancel_wait();
  confirm_cancel();
}

wring::result<buffer_lease> socket_read_some_wait::take_result() noexcept {
  if (!chunk_.empty()) return std::move(chunk_);
  if (busy_) return socket_->fault(errc::busy, "read from");
  if (const auto ended = socket_->read_outcome(); !ended) return ended.error();
  return buffer_lease();
}

wait_description socket_read_some_wait::describe() const noexcept {
  return {.operation = "read from", .fd = socket_->native(), .address = socket_->peer()};
}

socket_read_wait::socket_read_wait(receive_side& s, std::span<std::byte> into) noexcept : socket_(&s), into_(into) {
  on_completion = [](operation& op, completion c) noexcept { static_cast<socket_read_wait&>(op).on_own_receive(c); };
}

bool socket_read_wait::ready() noexcept {
  busy_ = socket_->has_reader();
  if (busy_ || into_.empty()) return true;
  count_ = socket_->pop(into_);
  return count_ != 0 || socket_->read_ended();
}

void socket_read_wait::suspend() noexcept {
  if (socket_->receiving()) return socket_->wait(*this);
  code = op_code::receive;
  fd = socket_->native();
  data = into_.data();
  length = static_cast<std::uint32_t>(std::min<std::size_t>(into_.size(), std::size_t{1} << 30));
  socket_->own_receive_begins(*this);
}

void socket_read_wait::received() noexcept {
  count_ = std::min(chunk_.size(), into_.size());
  if (count_ != 0) std::memcpy(into_.data(), chunk_.data(), count_);
  if (count_ != chunk_.size()) {
    chunk_.consume(count_);
    socket_->put_back(std::move(chunk_));
  } else {
    chunk_.reset();
  }
  complete();
}

void socket_read_wait::on_own_receive(completion c) noexcept {
  const bool cancelled = cancel_requested();
  const bool behind_others = socket_->has_bytes();  // that were given back meanwhile
  // The socket may be closed and destroyed after this, unless a task (this one) is suspended on it.
  if (socket_->own_receive_ended(*this, c.result, !cancelled && !behind_others)) {
    count_ = static_cast<std::size_t>(c.result);
  }
  if (cancelled) return confirm_cancel();
  if (behind_others) count_ = socket_->pop(into_);
  if (count_ == 0 && !socket_->read_ended()) {
    suspend();  // interrupted
  } else {
    complete();
  }
}

void socket_read_wait::cancel() noexcept {
  if (active()) {
    socket_->engine().cancel(*this);
  } else {
    socket_->cancel_wait();
    confirm_cancel();
  }
}

wring::result<std::size_t> socket_read_wait::take_result() noexcept {
  if (busy_) return socket_->fault(errc::busy, "read from");
  if (count_ == 0 && !into_.empty()) {
    if (const auto ended = socket_->read_outcome(); !ended) return ended.error();
  }
  return count_;
}

wait_description socket_read_wait::describe() const noexcept {
  return {.operation = "read from", .fd = socket_->native(), .address = socket_->peer()};
}

}  // namespace wring::net::detail
