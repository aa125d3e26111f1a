// SPDX-License-Identifier: MIT
#include <algorithm>

#include <wring/net/detail/socket_forward_wait.hpp>

namespace wring::net::detail {

bool socket_forward_wait::ready() noexcept {
  busy_ = from_->has_reader();
  if (busy_) return true;
  if (!from_->has_bytes()) return from_->read_ended();
  chunk_ = from_->pop();
  return send_piece() != step::must_wait;
}

void socket_forward_wait::suspend() noexcept {
  if (chunk_.empty()) return from_->wait(*this);
  socket_->queue(*this, as_entry);
}

void socket_forward_wait::received() noexcept {
  if (chunk_.empty()) return complete();  // that was the end
  switch (send_piece()) {
    case step::sent:
      return from_->wait(*this);
    case step::ended:
      return complete();
    case step::must_wait:
      return socket_->queue(*this, as_entry);
  }
}

socket_forward_wait::step socket_forward_wait::send_piece() noexcept {
  const std::uint64_t missing = limit_ - outcome_->bytes;
  left_ = std::span<const std::byte>(chunk_).first(std::min<std::uint64_t>(chunk_.size(), missing));
  if (refused()) [[unlikely]]
    return step::ended;
  if (!socket_->idle_to_send()) return step::must_wait;
  const std::int32_t sent = attempt();
  if (sent != static_cast<std::int64_t>(chunk_.size())) [[unlikely]]
    return attempted(sent) ? step::ended : step::must_wait;
  outcome_->bytes += chunk_.size();
  chunk_.reset();
  return outcome_->bytes != limit_ ? step::sent : step::ended;
}

// The piece counts when all of it has been sent.
bool socket_forward_wait::advance(std::size_t sent) noexcept {
  left_ = left_.subspan(sent);
  if (!left_.empty()) return true;
  const std::size_t all = std::min<std::uint64_t>(chunk_.size(), limit_ - outcome_->bytes);
  outcome_->bytes += all;
  chunk_.consume(all);
  return false;
}

void socket_forward_wait::cancel() noexcept {
  if (!chunk_.empty()) return socket_send_wait::cancel();
  from_->cancel_wait();
  confirm_cancel();
}

bool socket_forward_wait::take() noexcept {
  if (const auto written = socket_send_wait::take_result(); !written) [[unlikely]] {
    outcome_->end = copy_end::sink_failed;
    outcome_->error = written.error();
  } else if (busy_) {
    outcome_->end = copy_end::source_failed;
    outcome_->error = from_->fault(errc::busy, "read from");
  } else if (outcome_->bytes == limit_) {
    outcome_->end = copy_end::limit_reached;
  } else if (from_->has_bytes() || !from_->read_ended()) {
    return true;
  } else if (const auto ended = from_->read_outcome(); !ended) {
    outcome_->end = copy_end::source_failed;
    outcome_->error = ended.error();
  }
  outcome_->unwritten = std::move(chunk_);
  return false;
}

wait_description socket_forward_wait::describe() const noexcept {
  if (!chunk_.empty()) return socket_send_wait::describe();
  return {.operation = "read from", .fd = from_->native(), .address = from_->peer()};
}

}  // namespace wring::net::detail
