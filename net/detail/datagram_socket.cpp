// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <sys/socket.h>

#include <wring/core/log.hpp>
#include <wring/net/detail/datagram_buffers.hpp>
#include <wring/net/detail/datagram_socket.hpp>
#include <wring/net/detail/socket_calls.hpp>

namespace wring::net::detail {

namespace {

constexpr std::int64_t first_pause_ns = 100'000;
constexpr std::int64_t longest_pause_ns = 10'000'000;

/// What a router or a peer's host has answered to an earlier datagram (ICMP), or the state of the network.
bool concerns_one_peer(int error_number) noexcept {
  switch (error_number) {
    case ECONNREFUSED:
    case EHOSTUNREACH:
    case ENETUNREACH:
    case EHOSTDOWN:
    case ENETDOWN:
    case ENONET:
    case EPROTO:
    case ENOPROTOOPT:
    case EOPNOTSUPP:
    case EMSGSIZE:
    case EACCES:
    case EPERM:
      return true;
    default:
      return false;
  }
}

}  // namespace

datagram_socket::datagram_socket(descriptor owned, std::size_t largest, std::size_t queue_limit,
                                 const socket_address& peer)
    : fd_(std::move(owned)),
      sched_(&scheduler::current()),
      buffers_(&sched_->service<datagram_buffers>().with_room_for(largest)),
      largest_(largest),
      queue_limit_(queue_limit),
      local_(local_address_of(sched_->engine(), fd_.get()).unmapped()),
      peer_(peer),
      drops_descriptors_(local_.is_unix()) {
  code = op_code::receive_message_multishot;
  fd = fd_.get();
  data = buffers_;
  flags = MSG_TRUNC;  // the real length
  sched_->engine().register_descriptor(fd);
  on_completion = received;
  starved_.socket = this;
  starved_.on_buffer = [](buffer_pool::waiter& w) noexcept { static_cast<starvation&>(w).socket->arm_if_wanted(); };
}

void datagram_socket::set_peer(const socket_address& peer) noexcept {
  peer_ = peer;
  local_ = local_address_of(sched_->engine(), fd_.get()).unmapped();
  fault_ = 0;
}

// Receiving.

void datagram_socket::keep(completion c) noexcept {
  if (closing_) return drop(c);
  datagram* kept = nullptr;
  try {
    kept = &queue_.emplace_back([&] { return datagram(*buffers_, c, largest_); });
  } catch (const std::bad_alloc&) {
    log::warn("a datagram was dropped, as there is no memory to keep it", {"socket", local_});
    return drop(c);
  }
  if (drops_descriptors_) kept->message_.close_descriptors();
  // Once half of the buffers are in use, what waits here takes none: otherwise sockets whose tasks do not receive could
  // stop all the others.
  buffer_pool& pool = buffers_->pool();
  if (pool.leased() > pool.capacity() / 2) kept->leave_buffer();
  if (queue_.size() >= queue_limit_) {
    full_ = true;
    sched_->engine().cancel(*this);
  }
}

void datagram_socket::drop(completion c) noexcept { const datagram dropped(*buffers_, c, largest_); }

void datagram_socket::put_back(datagram&& d) noexcept {
  if (closing_) return;
  if (received_datagram_wait* const w = waiters_.pop(); w != nullptr) {
    w->datagram_ = std::move(d);
    w->received_ = true;
    return w->ended();
  }
  try {
    queue_.push_front(std::move(d));
  } catch (const std::bad_alloc&) {
    log::warn("a datagram was dropped, as there is no memory to keep it", {"socket", local_});
  }
}

bool datagram_socket::try_receive(received_datagram_wait& w) noexcept {
  sched_->use("a socket");
  if (closing_) return true;
  if (!waiters_.empty()) return false;
  if (!queue_.empty()) {
    queue_.pop_to(&w.datagram_);  // empty until now, so there is nothing to return
    w.received_ = true;
    if (full_ && queue_.size() <= queue_limit_ / 2) {
      full_ = false;
      arm_if_wanted();
    }
    return true;
  }
  w.errno_ = std::exchange(fault_, 0);
  return w.errno_ != 0;
}

void datagram_socket::wait(received_datagram_wait& w) noexcept {
  waiters_.push(w);
  arm_if_wanted();
}

void datagram_socket::cancel_wait(received_datagram_wait& w) noexcept {
  waiters_.remove(w);
  if (waiters_.empty() && starved_.waiting) buffers_->pool().cancel(starved_);
}

void datagram_socket::received(operation& op, completion c) noexcept {
  auto& self = static_cast<datagram_socket&>(op);
  if (c.has_buffer()) [[likely]] {
    if (received_datagram_wait* const w = self.waiters_.pop(); w != nullptr) {
      self.hand_over(*w, c);
    } else {
      self.keep(c);
    }
  }
  if (!c.more()) self.receive_ended(c);
}

void datagram_socket::hand_over(received_datagram_wait& w, completion c) noexcept {
  // Empty until now, so there is nothing to return.
  ::new (&w.datagram_) datagram(*buffers_, c, largest_);
  if (drops_descriptors_) w.datagram_.message_.close_descriptors();
  w.received_ = true;
  w.ended();
}

void datagram_socket::receive_ended(completion c) noexcept {
  buffer_pool& pool = buffers_->pool();
  if (c.result <= 0 && c.result != -ENOBUFS) pool.pass_on();
  if (closing_) return finish_close();
  if (sched_->ends_leftovers()) {
    log::warn("a socket outlives the tasks of its scheduler: it is closed", {"address", local_});
    return close(nullptr);
  }
  if (c.result == -ENOBUFS) {
    if (waiters_.empty() || pool.wait(starved_)) return;
  } else if (c.result < 0 && c.result != -ECANCELED && c.result != -EINTR && c.result != -EAGAIN) {
    note_fault(-c.result);
  }
  arm_if_wanted();
}

// The kernel reports it once, and so is it here. Whom it concerns is known of a connected socket alone; any other goes
// on for the peers that are well.
void datagram_socket::note_fault(int error_number) noexcept {
  if (peer_.empty() && concerns_one_peer(error_number)) return;
  if (received_datagram_wait* const w = waiters_.pop(); w != nullptr) {
    w->errno_ = error_number;
    w->ended();
  } else {
    fault_ = error_number;
  }
}

void datagram_socket::arm_if_wanted() noexcept {
  if (closing_ || active() || starved_.waiting) return;
  if (waiters_.empty() && (full_ || fault_ != 0)) return;
  sched_->engine().submit(*this);
}

// Sending.

void datagram_socket::send_waits(waiting_send& w) noexcept {
  ++uses_;
  senders_.push(w);
  sched_->engine().submit(w);
}

void datagram_socket::send_pauses(waiting_send& w) noexcept {
  if (!w.paused) w.paused.emplace(w);
  w.paused->length_ns = std::clamp(2 * w.paused->length_ns, first_pause_ns, longest_pause_ns);
  sched_->timers().arm(*w.paused, sched_->turn_time() + w.paused->length_ns);
}

void datagram_socket::interrupt(waiting_send& w) noexcept {
  if (!w.paused || !w.paused->armed()) return sched_->engine().cancel(w);
  sched_->timers().cancel(*w.paused);
  w.on_completion(w, completion(-ECANCELED));
}

void datagram_socket::send_ended(waiting_send& w) noexcept {
  --uses_;
  if (!w.cut) senders_.remove(w);
  if (closing_) finish_close();
}

// The end.

void datagram_socket::close(datagram_close_listener* waiter) noexcept {
  if (waiter != nullptr) closers_.push(*waiter);
  if (!closing_) {
    closing_ = true;
    remove_file();
    if (starved_.waiting) buffers_->pool().cancel(starved_);
    sched_->engine().cancel(*this);
    queue_.clear();
    while (waiting_send* const w = senders_.pop()) {
      w->cut = true;
      interrupt(*w);
    }
    while (received_datagram_wait* const w = waiters_.pop()) w->ended();
  }
  finish_close();
}

void datagram_socket::abandon() noexcept {
  if (scheduler::try_current() != sched_) [[unlikely]] {
    std::fprintf(stderr,
                 "wring: a socket for datagrams (descriptor %d) was destroyed outside of its scheduler's thread or "
                 "life\n",
                 fd_.get());
    std::abort();
  }
  if (!waiters_.empty() || uses_ != 0 || !closers_.empty()) [[unlikely]] {
    std::fprintf(stderr, "wring: a socket for datagrams (descriptor %d) was destroyed while a task waits on it\n",
                 fd_.get());
    std::abort();
  }
  abandoned_ = true;
  close(nullptr);
}

void datagram_socket::remove_file() noexcept {
  if (file_.number != 0) sched_->engine().remove_file(local_.path().data(), std::exchange(file_, {}));
}

void datagram_socket::finish_close() noexcept {
  if (active() || uses_ != 0) return;
  if (fd_.get() >= 0) sched_->engine().unregister_descriptor(fd_.get());
  fd_ = descriptor();
  while (datagram_close_listener* const w = closers_.pop()) w->closed();
  if (abandoned_) delete this;
}

}  // namespace wring::net::detail
