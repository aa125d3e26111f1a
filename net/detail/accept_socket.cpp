// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include <wring/core/log.hpp>
#include <wring/net/detail/accept_socket.hpp>
#include <wring/net/detail/socket_calls.hpp>

namespace wring::net::detail {

namespace {

constexpr std::int64_t first_delay = 10'000'000;
constexpr std::int64_t longest_delay = 1'000'000'000;
/// So long without a shortage, and the next one is told again. A process at its limit of descriptors gets one back
/// whenever a connection ends, takes the next connection, and is at its limit again.
constexpr std::int64_t quiet_time = 60'000'000'000;

}  // namespace

bool connection_waiter::ready() noexcept {
  accept_socket& s = *socket_;
  if (s.closing_) return true;
  if (s.accepted_.empty() || !s.waiters_.empty()) return false;
  connection_ = std::move(s.accepted_.front());
  s.accepted_.pop_front();
  s.arm_if_wanted();
  return true;
}

void connection_waiter::suspend() noexcept {
  socket_->waiters_.push(*this);
  socket_->arm_if_wanted();
}

std::optional<tcp_stream> connection_waiter::take() {
  if (connection_.get() < 0) return std::nullopt;
  const socket_address peer = accepted_peer_address_of(connection_.get());
  return tcp_stream(new stream_socket(std::move(connection_), peer));
}

error connection_waiter::closed_error() const noexcept {
  return error(errc::closed, "accept on").with_address(socket_->local());
}

wait_description connection_waiter::describe() const noexcept {
  return {.operation = "accept on", .fd = socket_->native(), .address = socket_->local()};
}

wring::result<tcp_stream> accept_wait::resume_result() {
  std::optional<tcp_stream> connection = take();
  if (!connection) return closed_error();
  return std::move(*connection);
}

bool close_listener_wait::ready() noexcept { return socket_ == nullptr || socket_->closed(); }

void close_listener_wait::suspend() noexcept { socket_->close(this); }

accept_socket::accept_socket(descriptor owned, std::size_t queue_limit)
    : fd_(std::move(owned)),
      local_(local_address_of(fd_.get())),
      sched_(&scheduler::current()),
      queue_limit_(std::max<std::size_t>(queue_limit, 1)),
      retry_(*this) {
  code = op_code::accept_multishot;
  fd = fd_.get();
  sched_->engine().keep(fd);
  on_completion = [](operation& op, completion c) noexcept { static_cast<accept_socket&>(op).on_accept(c); };
}

void accept_socket::add(descriptor connection) noexcept {
  if (shared_) [[unlikely]]
    do_not_linger(connection.get());
  if (closing_) return;  // closes it
  delay_ = 0;
  if (connection_waiter* w = waiters_.pop(); w != nullptr) {
    w->connection_ = std::move(connection);
    w->complete();
    return;
  }
  accepted_.push_back(std::move(connection));
  if (accepted_.size() >= queue_limit_) sched_->engine().request_stop(*this);
}

void accept_socket::on_accept(completion c) noexcept {
  if (c.result >= 0) add(descriptor(c.result));
  if (c.more()) return;
  if (closing_) return finish_close();
  switch (-c.result) {
    // A connection that failed before it was accepted is its peer's affair: accept(2) names these.
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
    case EINTR:
    case EAGAIN:
    case ECANCELED:
      break;
    default:
      if (c.result < 0) return back_off(-c.result);
  }
  arm_if_wanted();
}

void accept_socket::arm_if_wanted() noexcept {
  if (closing_ || active() || retry_.armed()) return;
  if (accepted_.size() < queue_limit_) sched_->engine().submit(*this);
}

void accept_socket::back_off(int error_number) noexcept {
  const std::int64_t now = sched_->clock_now();
  if (now >= told_until_) {
    const error e = error::from_errno(error_number, "accept on").with_address(local_);
    log::warn("no more connections can be accepted for now; the kernel's backlog keeps them", {"error", e});
  }
  told_until_ = now + quiet_time;
  delay_ = std::clamp(delay_ * 2, first_delay, longest_delay);
  sched_->timers().arm(retry_, now + delay_);
}

void accept_socket::close(close_listener_wait* waiter) noexcept {
  if (waiter != nullptr) closers_.push(*waiter);
  if (!closing_) {
    closing_ = true;
    sched_->timers().cancel(retry_);
    sched_->engine().request_stop(*this);
    accepted_.clear();
    while (connection_waiter* w = waiters_.pop()) w->complete();
  }
  finish_close();
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
  if (fd_.get() >= 0) sched_->engine().forget(fd_.get());
  fd_ = descriptor();
  while (close_listener_wait* w = closers_.pop()) w->closed();
  if (abandoned_) delete this;
}

}  // namespace wring::net::detail
