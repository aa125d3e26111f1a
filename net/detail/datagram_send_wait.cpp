// SPDX-License-Identifier: MIT
#include <cerrno>
#include <poll.h>

#include <wring/net/detail/datagram_send_wait.hpp>

namespace wring::net::detail {

std::int32_t datagram_send_wait::attempt(datagram_socket& s, const datagram_parts& parts) noexcept {
  if (parts.bytes.size() > outgoing_datagram::most_parts) return -EMSGSIZE;
  const outgoing_datagram message(parts);
  return s.attempt(message.header());
}

datagram_parts datagram_send_wait::all() const noexcept {
  static constexpr datagram_extras none;
  return {.to = to_.empty() ? nullptr : &to_, .bytes = parts_, .extras = extras_ ? *extras_ : none};
}

[[gnu::always_inline]] inline std::int32_t datagram_send_wait::attempt() noexcept {
  if (parts_.size() != 1 || extras_) return attempt(*socket_, all());
  return socket_->attempt(parts_.front(), to_.empty() ? nullptr : &to_);  // what most datagrams are
}

bool datagram_send_wait::ready() noexcept {
  closed_ = socket_->closing();
  if (closed_) {
    outcome_ = -ECANCELED;
    return true;
  }
  outcome_ = attempt();
  return !finds_no_room(outcome_);
}

void datagram_send_wait::suspend() noexcept {
  on_completion = [](operation& op, completion c) noexcept {
    static_cast<datagram_send_wait&>(static_cast<waiting_send&>(op)).room_found(c);
  };
  code = op_code::poll;
  fd = socket_->native();
  data = nullptr;
  flags = POLLOUT;
  socket_->send_waits(*this);
}

void datagram_send_wait::room_found(completion c) noexcept {
  closed_ = cut;
  outcome_ = c.result;
  if (!cut && (c.result >= 0 || finds_no_room(c.result))) outcome_ = attempt();
  const bool unsent = outcome_ == -ECANCELED || finds_no_room(outcome_);
  if (cancel_requested() && unsent) {
    confirm_cancel();
  } else if (!cut && unsent) {
    // Between Unix sockets it is not the room that the poll speaks of which is missing.
    return receiver().is_unix() ? socket_->send_pauses(*this) : socket_->engine().submit(*this);
  } else {
    complete();
  }
  socket_->send_ended(*this);  // after the task is queued: those that wait for the end are behind it
}

result<void> datagram_send_wait::take_result() const noexcept {
  if (closed_) return error(errc::closed, "send to").with_address(receiver());
  if (outcome_ < 0) return send_error(outcome_, receiver(), all(), socket_->local());
  return {};
}

wait_description datagram_send_wait::describe() const noexcept {
  return {.operation = "send to", .fd = socket_->native(), .address = receiver()};
}

}  // namespace wring::net::detail
