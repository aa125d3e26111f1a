// SPDX-License-Identifier: MIT
#include <cstdio>
#include <cstdlib>

#include <wring/core/detail/plants.hpp>
#include <wring/core/detail/scheduling/frame_recycler.hpp>
#include <wring/net/detail/socket_calls.hpp>
#include <wring/net/detail/stream_socket.hpp>

namespace wring::net::detail {

using wring::detail::frame_recycler;

void* stream_socket::operator new(std::size_t size) { return frame_recycler::allocate(size); }
void stream_socket::operator delete(void* block, std::size_t size) noexcept { frame_recycler::deallocate(block, size); }

void stream_socket::close(bool keep, socket_close_listener* listener) noexcept {
  if (listener != nullptr) closers_.push(*listener);
  if (!closing()) {
    state_ |= is_closing;
    keep_descriptor_ = keep;
    cancel_receiving();
    cancel_sending();
    wake_reader();
  }
  operation_ended();
}

void stream_socket::abandon() noexcept {
  if (scheduler::try_current() != sched_) [[unlikely]] {
    std::fprintf(stderr, "wring: a stream (descriptor %d) was destroyed outside of its scheduler's thread or life\n",
                 fd_.get());
    std::abort();
  }
  if (has_reader() || has_writer() || !closers_.empty()) [[unlikely]] {
    std::fprintf(stderr, "wring: a stream (descriptor %d) was destroyed while a task is suspended on it\n", fd_.get());
    std::abort();
  }
  abandoned_ = true;
  close(false, nullptr);
}

void stream_socket::operation_ended() noexcept {
  if (in_use()) return;
  if (WRING_PLANTED("double-close") && fd_.get() < 0) sched_->engine().close_descriptor(fd);
  if (fd_.get() >= 0) sched_->engine().unregister_descriptor(fd_.get());
  if (!keep_descriptor_ || abandoned_) {
    // close(2) would hold up the whole scheduler.
    if (shared_ && fd_.get() >= 0) [[unlikely]]
      do_not_linger(sched_->engine(), fd_.get());
    fd_ = descriptor();
  }
  while (!closers_.empty()) closers_.pop()->closed();
  if (abandoned_) delete this;
}

released_state stream_socket::take_rest() noexcept {
  released_state rest;
  rest.peer = peer();
  rest.mode_is_others = mode_is_others_;
  rest.ended = state_ & lasting;
  rest.read_errno = read_errno_;
  rest.write_errno = write_errno_;
  receiving_given_to(rest);
  sending_given_to(rest);
  return rest;
}

void stream_socket::take_over(released_state&& rest, buffer_lease&& unread) noexcept {
  state_ |= rest.ended;
  mode_is_others_ = mode_is_others_ || rest.mode_is_others;
  read_errno_ = rest.read_errno;
  write_errno_ = rest.write_errno;
  sending_taken_from(rest);
  receiving_taken_from(std::move(rest));
  if (!unread.empty()) put_back(std::move(unread));
}

}  // namespace wring::net::detail
