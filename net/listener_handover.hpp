// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

#include <wring/core/duration.hpp>
#include <wring/core/task.hpp>
#include <wring/net/inherited_sockets.hpp>
#include <wring/net/socket_address.hpp>
#include <wring/net/tcp_listener.hpp>
#include <wring/net/unix_listener.hpp>
#include <wring/net/unix_stream.hpp>

namespace wring::net {

/// How listening sockets are handed over.
struct handover_options {
  /// The permissions of the socket over which it happens. Whatever they are, only processes of this one's user, and of
  /// root, are talked to.
  unsigned mode = 0600;
  /// How long the other side may take for it, the time in which a successor starts included. Longer than zero.
  duration timeout = std::chrono::seconds(30);
};
static_assert(std::is_trivially_destructible_v<handover_options>);

/// Hands listening sockets over to a new process that replaces this one, so that no connection is refused or reset:
///
///     net::listener_handover handover("/run/echo.handover");
///     handover.add("echo", listener);
///     const bool taken = co_await handover.offer();
///     if (taken) wring::scheduler::current().request_stop();  // serve() finishes what it has
///
/// Until the successor has said that it serves, this process goes on as if there was none, also if the successor fails.
/// From then on both accept connections, until this one stops listening. Belongs to the scheduler of its listeners.
class WRING_API listener_handover {
 public:
  /// The most sockets that are handed over.
  static constexpr std::size_t most = 64;

  /// `at` is where it is offered: a path or an abstract name. Throws std::invalid_argument for options out of bounds.
  explicit listener_handover(const socket_address& at, const handover_options& options = {});
  explicit listener_handover(std::string_view path, const handover_options& options = {})
      : listener_handover(socket_address::from_path(path), options) {}

  /// Adds a listener, by which name the successor finds it: 1 to 100 characters, none of which is a line break. The
  /// listener must stay where it is until offer() has ended. One that is closed by then is not handed over. The file of
  /// a Unix socket is left to the successor. Throws std::invalid_argument for a bad name, or one that was added before,
  /// and for more than `most`.
  void add(std::string_view name, tcp_listener& listener) { add_any(name, &listener); }
  void add(std::string_view name, unix_listener& listener) { add_any(name, &listener); }

  /// Waits for a successor. True: it has the listeners, and accepts connections. False: this program has been asked to
  /// stop, and was not replaced. Successors that fail, that take too long, or of other users, are logged, and the next
  /// one is waited for. Throws io_error as listen_unix does.
  [[nodiscard]] task<bool> offer();

 private:
  struct offered {
    std::string name;
    std::variant<tcp_listener*, unix_listener*> listener;
  };

  void add_any(std::string_view name, std::variant<tcp_listener*, unix_listener*> listener);
  task<bool> talk_to(unix_stream& successor, unix_listener& door);
  task<> send_all(unix_stream& successor);

  socket_address at_;
  handover_options options_;
  std::vector<offered> offered_;
};

/// What a new process has from the one that it replaces.
class WRING_API taken_listeners {
 public:
  /// None: there was no predecessor.
  taken_listeners() noexcept = default;

  /// Whether there is a predecessor.
  explicit operator bool() const noexcept { return predecessor_.is_open(); }
  /// The one that was added under this name; null if there is none, and once it was taken. Make it a listener with
  /// inherited_socket::take_listener, or one of its like; what is not is closed with this object.
  [[nodiscard]] inherited_socket* find(std::string_view name) noexcept;
  /// All of them, in the order in which they were added.
  [[nodiscard]] std::vector<inherited_socket>& all() noexcept { return sockets_; }

  /// Tells the predecessor that this process accepts connections, and returns when it knows: it stops then, and the
  /// address of the hand-over is free to be offered at. Without this, the predecessor goes on when this object is
  /// destroyed. Does nothing if there is none. Throws io_error; then the predecessor goes on, or has ended.
  [[nodiscard]] task<> confirm();

 private:
  friend WRING_API task<taken_listeners> take_listeners(socket_address, handover_options);

  task<> take(socket_address at);

  unix_stream predecessor_;
  std::vector<inherited_socket> sockets_;
  duration timeout_ = forever;
};

/// Takes the listening sockets of the process that offers them at `at`, a path or an abstract name. None if nobody
/// offers any there: this is the first process, or the last one has ended. A process that ends before it has offered
/// any is asked again, until nobody listens there or another one does: one that was killed, say. Throws io_error for
/// other faults, for a process of another user (EPERM), and for one that does not speak as a listener_handover does;
/// timeout_error.
[[nodiscard]] WRING_API task<taken_listeners> take_listeners(socket_address at, handover_options options = {});
/// The same with a path. Throws io_error at once, before it is awaited, for one that is empty or too long.
[[nodiscard]] WRING_API task<taken_listeners> take_listeners(std::string_view path, handover_options options = {});

}  // namespace wring::net
