// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <stdexcept>
#include <sys/socket.h>
#include <utility>

#include <wring/core/detail/plants.hpp>
#include <wring/core/log.hpp>
#include <wring/net/detail/accept_socket.hpp>
#include <wring/net/detail/socket_calls.hpp>

namespace wring::net::detail {

namespace {

constexpr std::int64_t first_delay = 10'000'000;
constexpr std::int64_t longest_delay = 1'000'000'000;
/// After this long without a shortage, the next one is logged again. A process at its limit of descriptors gets one
/// back whenever a connection ends, takes the next connection, and is at its limit again.
constexpr std::int64_t quiet_time = 60'000'000'000;

/// A connection that failed before it was accepted is its peer's affair: accept(2) names these.
bool concerns_one_connection(int error_number) noexcept {
  switch (error_number) {
    case ECONNABORTED:
    case EPROTO:
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH:
    case EPERM:
      return true;
    default:
      return false;
  }
}

}  // namespace

void throw_not_listening() { error(errc::closed, "use a listener that listens nowhere").raise(); }

void check_accept_queue(std::size_t accept_queue) {
  if (accept_queue == 0) throw std::invalid_argument("a listener's accept_queue is 0: it must be at least 1");
}

accept_socket* adopt_listener(int fd, std::size_t accept_queue, bool (socket_address::*is_right)() const noexcept) {
  constexpr const char* what = "adopt a listener";
  check_accept_queue(accept_queue);
  engine& e = scheduler::current().engine();
  const int listening = option_of(e, fd, SOL_SOCKET, SO_ACCEPTCONN);
  if (listening < 0) error::from_errno(-listening, what).raise();
  const socket_address local = local_address_of(e, fd);
  const int type = option_of(e, fd, SOL_SOCKET, SO_TYPE);
  if (listening == 0 || type != SOCK_STREAM || !(local.*is_right)()) {
    error::from_errno(EINVAL, what).with_address(local).raise();
  }
  auto* const adopted = new accept_socket(descriptor(fd), accept_queue);
  adopted->share_descriptor();
  return adopted;
}

socket_address accepted_connection::peer_address(engine& e) const noexcept {
  return peer.empty() ? accepted_peer_address_of(e, socket.get()) : peer;
}

accept_socket::accept_socket(descriptor owned, std::size_t queue_limit, int backlog)
    : fd_(std::move(owned)),
      sched_(&scheduler::current()),
      local_(local_address_of(sched_->engine(), fd_.get())),
      queue_limit_(std::max<std::size_t>(queue_limit, 1)),
      backlog_(std::size_t{static_cast<unsigned>(backlog)} + 1),  // the kernel queues one more than the backlog
      retry_(*this) {
  code = op_code::accept_multishot;
  fd = fd_.get();
  data = &told_;
  sched_->engine().register_descriptor(fd);
  on_completion = [](operation& op, completion c) noexcept { static_cast<accept_socket&>(op).on_accept(c); };
}

// There is no memory to keep it.
void accept_socket::refuse(const accepted_connection& connection) const noexcept {
  const error e =
      error::from_errno(ENOMEM, "accept a connection from").with_address(connection.peer_address(sched_->engine()));
  log::warn("a connection was refused", {"error", e});
}

// To the one that has waited longest.
bool accept_socket::hand_over(accepted_connection& connection) noexcept {
  accepted_wait* const w = waiters_.pop();
  if (w == nullptr) return false;
  w->connection_ = std::move(connection);
  w->accepted();
  return true;
}

void accept_socket::add(accepted_connection connection) noexcept {
  if (shared_) [[unlikely]]
    do_not_linger(sched_->engine(), connection.socket.get());
  if (phase_ == phase::closed && WRING_PLANTED("lost-connection")) static_cast<void>(connection.socket.release());
  if (phase_ == phase::closed) return;  // closes it
  delay_ = 0;
  if (hand_over(connection)) return;
  try {
    accepted_.push_back(std::move(connection));
  } catch (const std::bad_alloc&) {
    return refuse(connection);
  }
  if (accepted_.size() >= queue_limit_) sched_->engine().cancel(*this);
}

void accept_socket::put_back(accepted_connection connection) noexcept {
  if (WRING_PLANTED("lost-connection")) static_cast<void>(connection.socket.release());
  if (phase_ == phase::closed || connection.socket.get() < 0 || hand_over(connection)) return;
  try {
    accepted_.push_front(std::move(connection));
  } catch (const std::bad_alloc&) {
    return refuse(connection);
  }
  if (accepted_.size() >= queue_limit_) sched_->engine().cancel(*this);
}

bool accept_socket::try_accept(accepted_wait& w) noexcept {
  sched_->use("a listener");
  if (accepted_.empty() || !waiters_.empty()) return phase_ >= phase::drained;
  w.connection_ = std::move(accepted_.front());
  accepted_.pop_front();
  arm_if_wanted();
  return true;
}

void accept_socket::wait(accepted_wait& w) noexcept {
  waiters_.push(w);
  arm_if_wanted();
}

void accept_socket::on_accept(completion c) noexcept {
  if (c.result >= 0) add({descriptor(c.result), told_address_of(told_)});
  if (c.more()) return;
  if (phase_ == phase::closed) return finish_close();
  if (sched_->ends_leftovers()) {
    log::warn("a listener outlives the tasks of its scheduler: it is closed", {"address", local_});
    return close(nullptr);
  }
  if (phase_ == phase::draining) return take_backlog();
  const bool transient = c.result == -EINTR || c.result == -EAGAIN || c.result == -ECANCELED;
  if (c.result < 0 && !transient && !concerns_one_connection(-c.result)) return back_off(-c.result);
  arm_if_wanted();
}

void accept_socket::arm_if_wanted() noexcept {
  if (closing() || active() || retry_.armed()) return;
  if (accepted_.size() < queue_limit_) sched_->engine().submit(*this);
}

void accept_socket::back_off(int error_number) noexcept {
  const std::int64_t now = sched_->clock_now();
  if (now >= told_until_) {
    const error e = error::from_errno(error_number, "accept on").with_address(local_);
    log::warn("no more connections can be accepted for now; the kernel's backlog keeps them", {"error", e});
  }
  told_until_ = wring::detail::time_after(now, quiet_time);
  delay_ = std::clamp(delay_ * 2, first_delay, longest_delay);
  sched_->timers().schedule(retry_, wring::detail::time_after(now, delay_));
}

void accept_socket::close(listening_end_wait* waiter) noexcept {
  sched_->use("a listener");
  if (waiter != nullptr) closers_.push(*waiter);
  if (phase_ != phase::closed) {
    phase_ = phase::closed;
    remove_file();
    sched_->timers().cancel(retry_);
    sched_->engine().cancel(*this);
    accepted_.clear();
    end_waits();
  }
  finish_close();
}

void accept_socket::drain(listening_end_wait& waiter) noexcept {
  closers_.push(waiter);
  if (phase_ == phase::listening) {
    phase_ = phase::draining;
    remove_file();
    sched_->timers().cancel(retry_);
    sched_->engine().cancel(*this);
    if (!active()) take_backlog();
  }
}

void accept_socket::remove_file() noexcept {
  if (file_.number != 0) sched_->engine().remove_file(local_.path().data(), std::exchange(file_, {}));
}

// Their peers have seen the connection made, and closing the listener would reset it.
void accept_socket::take_backlog() noexcept {
  for (std::size_t i = 0; i != backlog_; ++i) {
    const int r = sched_->engine().attempt_accept(fd_.get());
    if (r == -EAGAIN) break;
    if (r >= 0) {
      add({descriptor(r), socket_address()});
    } else if (!concerns_one_connection(-r)) {
      const error e = error::from_errno(-r, "accept on").with_address(local_);
      log::warn("connections are lost that the backlog of a closing listener holds", {"error", e});
      break;
    }
  }
  phase_ = phase::drained;
  end_waits();
  finish_close();
}

void accept_socket::end_waits() noexcept {
  while (accepted_wait* w = waiters_.pop()) w->accepted();
}

void accept_socket::abandon() noexcept {
  if (scheduler::try_current() != sched_) [[unlikely]] {
    std::fprintf(stderr, "wring: a listener (descriptor %d) was destroyed outside of its scheduler's thread or life\n",
                 fd_.get());
    std::abort();
  }
  if (!waiters_.empty() || !closers_.empty()) [[unlikely]] {
    std::fprintf(stderr, "wring: a listener (descriptor %d) was destroyed while a task waits for a connection\n",
                 fd_.get());
    std::abort();
  }
  abandoned_ = true;
  close(nullptr);
}

void accept_socket::finish_close() noexcept {
  if (active()) return;
  if (fd_.get() >= 0) sched_->engine().unregister_descriptor(fd_.get());
  fd_ = descriptor();
  while (listening_end_wait* w = closers_.pop()) w->listening_ended();
  if (abandoned_) delete this;
}

}  // namespace wring::net::detail
