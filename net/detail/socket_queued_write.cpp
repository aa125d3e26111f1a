// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>
#include <optional>
#include <poll.h>
#include <sys/socket.h>

#include <wring/core/scheduler.hpp>
#include <wring/net/detail/gathered.hpp>
#include <wring/net/detail/socket_queued_write.hpp>

namespace wring::net::detail {

socket_queued_write::socket_queued_write(send_side& s, queued_write& posted) noexcept
    : end_of_turn([](wring::detail::end_of_turn& e) noexcept { static_cast<socket_queued_write&>(e).begin(); }),
      socket_(s),
      posted_(posted) {}

const send_entry::functions socket_queued_write::as_entry{send, refuse, interrupt, false};

bool socket_queued_write::send(send_entry& entry) noexcept {
  auto& self = static_cast<socket_queued_write&>(entry);
  self.phase_ = phase::held;
  scheduler::current().at_end_of_turn(self);
  return false;
}

void socket_queued_write::begin() noexcept {
  if (!socket_.batches_sends() || !submit_batched()) go_on();
}

// A single span, that is: the usual case, and one that needs no vector to stay where it is.
bool socket_queued_write::submit_batched() noexcept {
  std::array<std::span<const std::byte>, 2> parts;
  if (posted_.parts(parts) != 1) return false;
  phase_ = phase::sends;
  on_completion = [](operation& op, completion c) noexcept {
    static_cast<socket_queued_write&>(op).batched_send_ended(c);
  };
  code = op_code::send;
  fd = socket_.native();
  data = const_cast<std::byte*>(parts[0].data());
  length = static_cast<std::uint32_t>(std::min<std::size_t>(parts[0].size(), std::numeric_limits<std::int32_t>::max()));
  flags = MSG_DONTWAIT;
  socket_.submit(*this);
  return true;
}

void socket_queued_write::batched_send_ended(completion c) noexcept {
  // A cancel reaches only what the engine has not begun yet: nothing of that was sent.
  const bool more = sent(c.result == -ECANCELED ? -EAGAIN : c.result, length);
  if (errno_ != 0) return finish();
  if (ending()) return give_up();
  if (more) return go_on();
  wait_for_room();
}

void socket_queued_write::wait_for_room() noexcept {
  phase_ = phase::polls;
  on_completion = [](operation& op, completion c) noexcept { static_cast<socket_queued_write&>(op).room_found(c); };
  code = op_code::poll;
  fd = socket_.native();
  data = nullptr;
  flags = POLLOUT;
  socket_.submit(*this);
}

void socket_queued_write::room_found(completion c) noexcept {
  if (ending()) return give_up();
  if (c.result < 0 && c.result != -ECANCELED && c.result != -EINTR) {
    errno_ = socket_.note_write_error(-c.result);
    return finish();
  }
  go_on();  // a fault of the socket is found here, too
}

void socket_queued_write::go_on() noexcept {
  for (;;) {
    std::array<std::span<const std::byte>, gathered::most_parts> parts;
    const std::span<const std::span<const std::byte>> filled = std::span(parts).first(posted_.parts(parts));
    if (filled.empty()) return finish();
    const gathered message(filled);
    const bool more = sent(socket_.attempt(message.header()), message.size());
    if (errno_ != 0) return finish();
    if (!more) return has_more() ? wait_for_room() : finish();
  }
}

bool socket_queued_write::sent(std::int32_t outcome, std::size_t offered) noexcept {
  if (outcome >= 0) {
    sent_ += static_cast<std::uint32_t>(outcome);
    posted_.written(static_cast<std::size_t>(outcome));
    return static_cast<std::size_t>(outcome) == offered;
  }
  if (!no_room(outcome)) errno_ = socket_.note_write_error(-outcome);
  return false;
}

bool socket_queued_write::has_more() noexcept {
  std::array<std::span<const std::byte>, 1> next;
  return posted_.parts(next) != 0;
}

bool socket_queued_write::interrupt(send_entry& entry) noexcept {
  auto& self = static_cast<socket_queued_write&>(entry);
  if (self.phase_ == phase::held) {
    self.end();
    return true;
  }
  self.socket_.cancel(self);
  return false;
}

void socket_queued_write::withdraw() noexcept {
  withdrawn_ = true;
  if (phase_ == phase::waits) {
    socket_.unqueue(*this);
    end();
  } else if (phase_ == phase::held) {
    finish();
  } else {
    socket_.cancel(*this);
  }
}

void socket_queued_write::give_up() noexcept {
  if (sent_ != 0 && has_more()) socket_.note_torn(sent_);
  finish();
}

// Its turn ends. The socket may have been destroyed after that.
void socket_queued_write::finish() noexcept {
  std::optional<error> fault;
  if (errno_ != 0) {
    fault = socket_.fault(errno_, "write to");
  } else if (const auto writable = socket_.write_outcome(); !writable) {
    fault = writable.error();
  }
  queued_write& posted = posted_;
  socket_.send_ended(*this);
  posted.end(fault ? &*fault : nullptr);
}

// Without a turn, or when the turn is over anyway.
void socket_queued_write::end() noexcept {
  const auto writable = socket_.write_outcome();
  posted_.end(writable ? nullptr : &writable.error());
}

}  // namespace wring::net::detail
