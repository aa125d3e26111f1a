// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <optional>

#include <wring/core/detail/operand.hpp>
#include <wring/core/detail/wait_list.hpp>
#include <wring/core/engine/engine.hpp>
#include <wring/core/scheduler.hpp>
#include <wring/net/descriptor.hpp>
#include <wring/net/tcp_stream.hpp>

namespace wring::net::detail {

class accept_socket;

/// A task that waits for a connection.
class WRING_API connection_waiter : public wring::detail::listed_wait<connection_waiter> {
 public:
  bool ready() noexcept;
  void suspend() noexcept;
  void resume() noexcept {}
  wait_description describe() const noexcept override;

 protected:
  explicit connection_waiter(accept_socket& s) noexcept : socket_(&s) {}
  ~connection_waiter() = default;
  /// The connection; none if the listener was closed.
  [[nodiscard]] std::optional<tcp_stream> take();
  [[nodiscard]] error closed_error() const noexcept;

 private:
  friend class accept_socket;
  accept_socket* socket_;
  descriptor connection_;
};

class WRING_API accept_wait final : public connection_waiter {
 public:
  using value_type = tcp_stream;
  explicit accept_wait(accept_socket& s) noexcept : connection_waiter(s) {}
  [[nodiscard]] auto result() && noexcept { return wring::detail::as_result<accept_wait>(*this); }
  tcp_stream resume() { return resume_result().take(); }
  wring::result<tcp_stream> resume_result();
};

class WRING_API next_connection_wait final : public connection_waiter {
 public:
  using value_type = std::optional<tcp_stream>;
  explicit next_connection_wait(accept_socket& s) noexcept : connection_waiter(s) {}
  std::optional<tcp_stream> resume() { return take(); }
};

/// Waits until a listener is closed.
class WRING_API close_listener_wait final : public wring::detail::listed_wait<close_listener_wait> {
 public:
  explicit close_listener_wait(accept_socket* s) noexcept : socket_(s) {}
  bool ready() noexcept;
  void suspend() noexcept;
  void stop() noexcept override {}
  void resume() noexcept {}
  wait_description describe() const noexcept override { return {.operation = "close a listener"}; }
  void closed() noexcept { complete(); }
  static constexpr bool cancellable = false;

 private:
  accept_socket* socket_;
};

/// What of a listener must stay where it is while the multishot accept is in flight, with the connections that it has
/// delivered and nobody has accepted.
class WRING_API accept_socket final : public operation {
 public:
  accept_socket(descriptor fd, std::size_t queue_limit);

  /// The end of the handle: closes, and frees this block once the accept has ended.
  void abandon() noexcept;
  void close(close_listener_wait* waiter) noexcept;

  [[nodiscard]] int native() const noexcept { return fd_.get(); }
  /// Others than the library set options of the socket. Connections inherit them, SO_LINGER maybe.
  void share_descriptor() noexcept { shared_ = true; }
  [[nodiscard]] const socket_address& local() const noexcept { return local_; }
  [[nodiscard]] bool closing() const noexcept { return closing_; }
  [[nodiscard]] bool closed() const noexcept { return closing_ && !active(); }

 private:
  friend class connection_waiter;

  /// Tries again after the process or the system ran out of something.
  struct retry : wring::detail::timer {
    explicit retry(accept_socket& s) noexcept
        : timer([](timer& t) noexcept { static_cast<retry&>(t).socket.arm_if_wanted(); }), socket(s) {}
    accept_socket& socket;
  };

  ~accept_socket() = default;
  void on_accept(completion c) noexcept;
  void add(descriptor connection) noexcept;
  void arm_if_wanted() noexcept;
  void back_off(int error_number) noexcept;
  void finish_close() noexcept;

  descriptor fd_;
  socket_address local_;
  bool closing_ = false;
  bool abandoned_ = false;
  bool shared_ = false;
  scheduler* sched_;
  std::size_t queue_limit_;
  std::deque<descriptor> accepted_;
  wring::detail::wait_list<connection_waiter> waiters_;
  wring::detail::wait_list<close_listener_wait> closers_;
  std::int64_t delay_ = 0;  // of the next retry, in nanoseconds; 0: the last accept went well
  std::int64_t told_until_ = std::numeric_limits<std::int64_t>::min();  // what runs out before then has been told
  retry retry_;
};

}  // namespace wring::net::detail
