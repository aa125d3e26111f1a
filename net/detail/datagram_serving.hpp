// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <unordered_map>
#include <utility>

#include <wring/core/detail/export.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/result.hpp>
#include <wring/core/sync/event.hpp>
#include <wring/core/task.hpp>
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
  [[nodiscard]] datagram_serve_report report() const noexcept {
    datagram_serve_report all = report_;
    all.cut = started_ - all.served - all.failed;
    return all;
  }

  /// Counts what was received. False: the socket is closed. Throws its fault.
  [[nodiscard]] bool goes_on(const result<datagram>& received);
  /// Starts a handler, unless there are as many as may be.
  template <class Fn, class... Args>
  void start(Fn fn, Args... args) noexcept {
    if (!has_room()) return drop();
    ++started_;
    ++running_;
    try {
      handlers_.start(fn, std::ref(*this), std::move(args)...);
    } catch (...) {
      --running_;
      failed({}, std::current_exception());
    }
  }
  /// Passes a datagram to its peer's handler. False: there is none.
  [[nodiscard]] bool pass(const socket_address& peer, datagram& d) noexcept;
  /// Lets the handlers end.
  [[nodiscard]] task<> end();

  /// A handler that runs, until this is destroyed.
  class running {
   public:
    explicit running(datagram_serving& s) noexcept : service_(s) {}
    running(const running&) = delete;
    running& operator=(const running&) = delete;
    ~running();
    void served() noexcept { ++service_.report_.served; }
    void failed(const socket_address& peer, const std::exception_ptr& failure) noexcept {
      service_.failed(peer, failure);
    }

   private:
    datagram_serving& service_;
  };

  /// The session of a peer, known by its address while this exists.
  class known_session {
   public:
    known_session(datagram_serving& s, const socket_address& peer, datagram first);
    known_session(const known_session&) = delete;
    known_session& operator=(const known_session&) = delete;
    ~known_session() { service_.peers_.erase(session.peer_address()); }

   private:
    datagram_serving& service_;

   public:
    datagram_session session;
  };

 private:
  [[nodiscard]] bool has_room() const noexcept { return handlers_.size() < options_.max_handlers; }
  void drop() noexcept;
  void put(datagram_session& to, datagram& d) noexcept;
  void failed(const socket_address& peer, const std::exception_ptr& failure) noexcept;

  message_socket& socket_;
  datagram_serve_options options_;
  datagram_serve_report report_;
  std::uint64_t started_ = 0;
  std::size_t running_ = 0;  ///< begun or about to begin
  bool ending_ = false;
  event none_running_;
  std::unordered_map<socket_address, datagram_session*> peers_;
  nursery handlers_;
};

template <class Handler>
task<> handle_datagram(datagram_serving& service, Handler* handler, datagram d) {
  datagram_serving::running r(service);
  const socket_address peer = d.peer();
  try {
    co_await std::invoke(*handler, std::move(d));
    r.served();
  } catch (...) {
    r.failed(peer, std::current_exception());
  }
}

template <class Handler>
task<> handle_peer(datagram_serving& service, Handler* handler, socket_address peer, datagram first) {
  datagram_serving::running r(service);
  try {
    datagram_serving::known_session known(service, peer, std::move(first));
    co_await std::invoke(*handler, known.session);
    r.served();
  } catch (...) {
    r.failed(peer, std::current_exception());
  }
}

}  // namespace wring::net::detail
