// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <new>
#include <type_traits>
#include <unordered_map>
#include <utility>

#include <wring/core/detail/awaiting/bound_task.hpp>
#include <wring/core/detail/awaiting/operand.hpp>
#include <wring/core/detail/export.hpp>
#include <wring/core/error.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/result.hpp>
#include <wring/core/sync/event.hpp>
#include <wring/core/task.hpp>
#include <wring/core/until_stopping.hpp>
#include <wring/net/datagram_serve_options.hpp>
#include <wring/net/datagram_session.hpp>

namespace wring::net::detail {

/// What one call of `serve` for datagrams keeps: its handlers, their peers and the counters.
class WRING_API datagram_serving {
 public:
  /// Throws std::invalid_argument.
  datagram_serving(message_socket& socket, const datagram_serve_options& options);
  datagram_serving(const datagram_serving&) = delete;
  datagram_serving& operator=(const datagram_serving&) = delete;

  [[nodiscard]] nursery& handlers() noexcept { return handlers_; }
  /// When all handlers have ended.
  [[nodiscard]] const datagram_serve_report& report() const noexcept { return report_; }

  /// Counts what was received. False: the socket is closed. Throws its fault.
  [[nodiscard]] bool goes_on(const result<datagram>& received);
  [[nodiscard]] bool has_room() const noexcept { return handlers_.size() < options_.max_handlers; }
  /// The session of a peer's handler; null if there is none.
  [[nodiscard]] datagram_session* session_of(const socket_address& peer) const noexcept;
  /// As many wait for it as may.
  [[nodiscard]] static bool is_full(const datagram_session& session) noexcept {
    return session.queue_.size() >= session.queue_.capacity();
  }
  /// Passes a datagram to a handler, unless too many wait for it.
  void pass(datagram_session& to, datagram&& d) noexcept;
  /// There is no handler for one.
  void drop() noexcept { ++report_.dropped; }
  /// Lets the handlers end.
  [[nodiscard]] task<> end();

  // Of handlers. Each is one that begins, and then one of the others.
  void begins() noexcept { ++running_; }
  void served() noexcept { ends(report_.served); }
  void cut() noexcept { ends(report_.cut); }
  void failed(const error_address& peer, const std::exception_ptr& failure) noexcept;

  /// The session of a peer, known by its address while this exists.
  class known_session {
   public:
    known_session(datagram_serving& s, datagram&& first);
    known_session(const known_session&) = delete;
    known_session& operator=(const known_session&) = delete;
    ~known_session() { service_.peers_.erase(session.peer_address()); }

   private:
    datagram_serving& service_;

   public:
    datagram_session session;
  };

 private:
  void ends(std::uint64_t& outcome) noexcept {
    ++outcome;
    if (--running_ == 0 && ending_) none_running_.set();
  }

  message_socket& socket_;
  datagram_serve_options options_;
  datagram_serve_report report_;
  std::size_t running_ = 0;  ///< begun or about to begin
  bool ending_ = false;
  event none_running_;
  std::unordered_map<socket_address, datagram_session*> peers_;
  nursery handlers_;
};

/// What a handler of one datagram runs.
template <class Handler>
using datagram_work = wring::detail::bound_task<std::reference_wrapper<Handler>, datagram>;

/// What a handler of one peer runs, and the session that it has. The peer is known by it before the handler has had its
/// first turn.
template <class Handler>
struct session_work {
  using task_type = std::invoke_result_t<Handler&, datagram_session&>;

  session_work(datagram_serving& service, Handler& handler, datagram&& first)
      : known(service, std::move(first)), task(std::invoke(handler, known.session)) {
    wring::detail::assert_returnable<task_type>();
  }
  session_work(const session_work&) = delete;
  session_work& operator=(const session_work&) = delete;

  datagram_serving::known_session known;
  task_type task;
};

/// A handler that runs: a child whose failure is logged with the peer's address and affects no other.
template <class Work>
class datagram_handler final : public wring::detail::child_base<datagram_handler<Work>> {
 public:
  template <class... Args>
  datagram_handler(datagram_serving& s, const error_address& peer, Args&&... args)
      : wring::detail::child_base<datagram_handler>(s.handlers()), service_(s), peer_(peer) {
    ::new (static_cast<void*>(&work_)) Work(std::forward<Args>(args)...);
    s.begins();
  }
  datagram_handler(const datagram_handler&) = delete;
  datagram_handler& operator=(const datagram_handler&) = delete;
  ~datagram_handler() {}  // finish() has destroyed the work

 private:
  friend wring::detail::child_base<datagram_handler>;

  bool begin() override { return work_.task.begin_await(*this); }

  std::exception_ptr finish(bool by_cancellation) noexcept {
    if (by_cancellation) {
      service_.cut();
    } else {
      try {
        static_cast<void>(work_.task.take());
        service_.served();
      } catch (...) {
        service_.failed(peer_, std::current_exception());
      }
    }
    std::destroy_at(&work_);
    return nullptr;
  }

  datagram_serving& service_;
  error_address peer_;
  union {
    Work work_;
  };
};

/// Starts a handler, for which there is room.
template <class Work, class... Args>
void start_handler(datagram_serving& service, const error_address& peer, Args&&... args) noexcept {
  try {
    auto* const handler = new datagram_handler<Work>(service, peer, std::forward<Args>(args)...);
    wring::detail::nursery_access::launch(service.handlers(), *handler);
  } catch (...) {
    service.begins();
    service.failed(peer, std::current_exception());
  }
}

/// Runs `receive()`, which starts handlers, until the program is asked to stop or it returns, and lets them end.
template <class Receive>
task<> serve_datagrams(datagram_serving& service, Receive& receive) {
  auto body = [&]() -> task<> {
    static_cast<void>(co_await until_stopping(receive()));
    co_await service.end();
  };
  co_await service.handlers().run(std::ref(body));
}

}  // namespace wring::net::detail
