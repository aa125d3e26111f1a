// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>

#include <wring/core/detail/awaiting/wait_list.hpp>
#include <wring/core/engine/engine.hpp>
#include <wring/core/scheduler.hpp>
#include <wring/net/descriptor.hpp>
#include <wring/net/socket_address.hpp>

namespace wring::net::detail {

/// A connection that was accepted, and its peer's address, if the engine has reported it.
struct accepted_connection {
  descriptor socket;
  socket_address peer;

  /// The peer's address, asked for if need be.
  [[nodiscard]] socket_address peer_address(engine& e) const noexcept;
};

/// A task that waits for a connection.
class accepted_wait : public wring::detail::wait_link {
 protected:
  ~accepted_wait() = default;
  accepted_connection connection_;  ///< none: no more will come

 private:
  friend class accept_socket;
  /// Called once, out of the list, with the connection in place.
  virtual void accepted() noexcept = 0;
};

/// A task that waits until listening has ended.
class listening_end_wait : public wring::detail::wait_link {
 protected:
  ~listening_end_wait() = default;

 private:
  friend class accept_socket;
  /// Called once, out of the list.
  virtual void listening_ended() noexcept = 0;
};

[[noreturn]] WRING_API void throw_not_listening();
/// Throws std::invalid_argument for a queue of zero: it would never take a connection.
WRING_API void check_accept_queue(std::size_t accept_queue);
/// Takes over a listening socket whose address `is_right`.
[[nodiscard]] WRING_API class accept_socket* adopt_listener(int fd, std::size_t accept_queue,
                                                            bool (socket_address::*is_right)() const noexcept);

/// What of a listener must stay where it is while the multishot accept is in flight, with the connections that it has
/// delivered and not accepted.
class WRING_API accept_socket final : public operation {
 public:
  static constexpr int default_backlog = 4096;

  /// `backlog`: the backlog passed to listen(2), which bounds what drain() takes.
  accept_socket(descriptor fd, std::size_t queue_limit, int backlog = default_backlog);
  /// How many descriptors each connection may keep that it receives: see unix_listen_options.
  void set_descriptors(unsigned most) noexcept { descriptors_ = most; }
  [[nodiscard]] unsigned descriptors() const noexcept { return descriptors_; }
  /// The file that is removed when it stops listening; none by default.
  void own_file(const socket_file& file) noexcept { file_ = file; }

  /// The end of the handle: closes, and frees this block once the accept has ended.
  void abandon() noexcept;
  /// Drops what has not been accepted, and closes. `waiter`, if not null, is notified, maybe within this call.
  void close(listening_end_wait* waiter) noexcept;
  /// Takes what the kernel's backlog holds, which can still be accepted, and closes. `waiter` as for close().
  void drain(listening_end_wait& waiter) noexcept;

  /// Passes `w` a connection that is available already, or none if no more will come; false: it has to wait.
  [[nodiscard]] bool try_accept(accepted_wait& w) noexcept;
  void wait(accepted_wait& w) noexcept;
  void cancel_wait(accepted_wait& w) noexcept { waiters_.remove(w); }
  /// Puts back a connection that was accepted and not delivered. It precedes those that wait here.
  void put_back(accepted_connection connection) noexcept;

  [[nodiscard]] int native() const noexcept { return fd_.get(); }
  [[nodiscard]] wring::engine& engine() const noexcept { return sched_->engine(); }
  /// Others than the library set options of the socket. Connections inherit them, SO_LINGER maybe.
  void share_descriptor() noexcept { shared_ = true; }
  [[nodiscard]] const socket_address& local() const noexcept { return local_; }
  [[nodiscard]] bool closing() const noexcept { return phase_ != phase::listening; }
  /// Listening has ended, but there may be connections to accept.
  [[nodiscard]] bool drained() const noexcept { return phase_ >= phase::drained && !active(); }
  [[nodiscard]] bool closed() const noexcept { return phase_ == phase::closed && !active(); }

 private:
  /// draining: the accept is being cancelled, and then the backlog is taken. closed: or will be once the accept has
  /// ended; nothing is kept any more.
  enum class phase : std::uint8_t { listening, draining, drained, closed };

  /// Tries again after the process or the system ran out of something.
  struct retry : wring::detail::timer {
    explicit retry(accept_socket& s) noexcept
        : timer([](timer& t) noexcept { static_cast<retry&>(t).socket.arm_if_wanted(); }), socket(s) {}
    accept_socket& socket;
  };

  ~accept_socket() = default;
  void on_accept(completion c) noexcept;
  void add(accepted_connection connection) noexcept;
  bool hand_over(accepted_connection& connection) noexcept;
  void refuse(const accepted_connection& connection) const noexcept;
  void arm_if_wanted() noexcept;
  void back_off(int error_number) noexcept;
  void take_backlog() noexcept;
  void end_waits() noexcept;
  void finish_close() noexcept;
  void remove_file() noexcept;

  descriptor fd_;
  scheduler* sched_;
  socket_address local_;
  socket_file file_;
  unsigned descriptors_ = 0;
  phase phase_ = phase::listening;
  bool abandoned_ = false;
  bool shared_ = false;
  std::size_t queue_limit_;
  std::size_t backlog_;
  std::deque<accepted_connection> accepted_;
  accepted_address told_;
  wring::detail::wait_list<accepted_wait> waiters_;
  wring::detail::wait_list<listening_end_wait> closers_;
  std::int64_t delay_ = 0;  // of the next retry, in nanoseconds; 0: the last accept succeeded
  std::int64_t told_until_ = std::numeric_limits<std::int64_t>::min();  // failures before then are logged already
  retry retry_;
};

}  // namespace wring::net::detail
