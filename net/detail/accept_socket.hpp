// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>

#include <wring/core/detail/wait_list.hpp>
#include <wring/core/engine/engine.hpp>
#include <wring/core/scheduler.hpp>
#include <wring/net/descriptor.hpp>
#include <wring/net/socket_address.hpp>

namespace wring::net::detail {

class socket_connection_wait;
class listener_close_wait;

/// A connection that was accepted, and whose it is, if the engine has told.
struct accepted_connection {
  descriptor socket;
  socket_address peer;

  /// The peer's address, asked for if need be.
  [[nodiscard]] socket_address peer_address(engine& e) const noexcept;
};

/// What of a listener must stay where it is while the multishot accept is in flight, with the connections that it has
/// delivered and nobody has accepted.
class WRING_API accept_socket final : public operation {
 public:
  accept_socket(descriptor fd, std::size_t queue_limit);

  /// The end of the handle: closes, and frees this block once the accept has ended.
  void abandon() noexcept;
  void close(listener_close_wait* waiter) noexcept;

  [[nodiscard]] int native() const noexcept { return fd_.get(); }
  [[nodiscard]] wring::engine& engine() const noexcept { return sched_->engine(); }
  /// Others than the library set options of the socket. Connections inherit them, SO_LINGER maybe.
  void share_descriptor() noexcept { shared_ = true; }
  [[nodiscard]] const socket_address& local() const noexcept { return local_; }
  [[nodiscard]] bool closing() const noexcept { return closing_; }
  [[nodiscard]] bool closed() const noexcept { return closing_ && !active(); }

 private:
  friend class socket_connection_wait;

  /// Tries again after the process or the system ran out of something.
  struct retry : wring::detail::timer {
    explicit retry(accept_socket& s) noexcept
        : timer([](timer& t) noexcept { static_cast<retry&>(t).socket.arm_if_wanted(); }), socket(s) {}
    accept_socket& socket;
  };

  ~accept_socket() = default;
  void on_accept(completion c) noexcept;
  void add(accepted_connection connection) noexcept;
  void put_back(accepted_connection connection) noexcept;
  void refuse(const accepted_connection& connection) const noexcept;
  void arm_if_wanted() noexcept;
  void back_off(int error_number) noexcept;
  void finish_close() noexcept;

  descriptor fd_;
  scheduler* sched_;
  socket_address local_;
  bool closing_ = false;
  bool abandoned_ = false;
  bool shared_ = false;
  std::size_t queue_limit_;
  std::deque<accepted_connection> accepted_;
  accepted_address told_;
  wring::detail::wait_list<socket_connection_wait> waiters_;
  wring::detail::wait_list<listener_close_wait> closers_;
  std::int64_t delay_ = 0;  // of the next retry, in nanoseconds; 0: the last accept went well
  std::int64_t told_until_ = std::numeric_limits<std::int64_t>::min();  // what runs out before then has been told
  retry retry_;
};

}  // namespace wring::net::detail
