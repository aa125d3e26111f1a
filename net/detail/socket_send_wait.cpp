// SPDX-License-Identifier: MIT
#include <cerrno>
#include <poll.h>

#include <wring/net/detail/gathered.hpp>
#include <wring/net/detail/socket_send_wait.hpp>

namespace wring::net::detail {

bool socket_send_wait::attempted(std::int32_t sent) noexcept {
  if (sent >= 0) {
    sent_ += static_cast<std::uint32_t>(sent);
    tried_ = advance(static_cast<std::size_t>(sent));
    return !tried_;
  }
  tried_ = no_room(sent);
  if (tried_) return false;
  errno_ = socket_->note_write_error(-sent);
  return true;
}

const send_entry::functions socket_send_wait::as_entry{send, refuse, interrupt, true};

bool socket_send_wait::send(send_entry& entry) noexcept {
  auto& self = static_cast<socket_send_wait&>(entry);
  self.begun_ = true;
  if (!self.tried_ && self.attempted(self.attempt())) {
    self.complete();
    return true;
  }
  self.wait_for_room();
  return false;
}

void socket_send_wait::wait_for_room() noexcept {
  on_completion = room_found;
  code = op_code::poll;
  fd = socket_->native();
  data = nullptr;
  flags = POLLOUT;
  socket_->submit(*this);
}

void socket_send_wait::room_found(operation& op, completion c) noexcept {
  auto& self = static_cast<socket_send_wait&>(op);
  if (c.result == -ECANCELED && self.ending()) {
    self.give_up();
  } else if (c.result < 0 && c.result != -ECANCELED && c.result != -EINTR) {
    self.errno_ = self.socket_->note_write_error(-c.result);
    self.finish();
  } else {
    self.tried_again(self.attempt());  // a fault of the socket is found here, too
  }
}

void socket_send_wait::tried_again(std::int32_t sent) noexcept {
  if (attempted(sent)) {
    finish();
  } else if (ending()) {
    give_up();
  } else {
    wait_for_room();
  }
}

void socket_send_wait::refuse(send_entry& entry) noexcept {
  auto& self = static_cast<socket_send_wait&>(entry);
  self.refused_ = true;
  self.complete();
}

bool socket_send_wait::interrupt(send_entry& entry) noexcept {
  auto& self = static_cast<socket_send_wait&>(entry);
  self.socket_->cancel(self);
  return false;
}

void socket_send_wait::cancel() noexcept {
  if (begun_) {
    socket_->cancel(*this);
  } else {
    socket_->unqueue(*this);
    confirm_cancel();
  }
}

void socket_send_wait::give_up() noexcept {
  if (sent_ != 0) socket_->note_torn(sent_);
  if (!cancel_requested()) {
    refused_ = true;  // the socket was closed meanwhile
    return finish();
  }
  confirm_cancel();
  socket_->send_ended(*this);
}

result<void> socket_send_wait::take_result() const noexcept {
  if (errno_ != 0) return socket_->fault(errno_, "write to");
  if (refused_) return socket_->write_outcome();
  return {};
}

wait_description socket_send_wait::describe() const noexcept {
  return {.operation = "write to", .fd = socket_->native(), .address = socket_->peer()};
}

}  // namespace wring::net::detail
