// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <new>
#include <optional>
#include <utility>

#include <wring/core/detail/awaiting/bound_task.hpp>
#include <wring/core/error.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/result.hpp>
#include <wring/core/scheduler.hpp>
#include <wring/core/sleep.hpp>
#include <wring/core/task.hpp>
#include <wring/core/timeout.hpp>
#include <wring/core/until_stopping.hpp>
#include <wring/net/detail/established_wait.hpp>
#include <wring/net/detail/listener_table.hpp>
#include <wring/net/detail/peer_table.hpp>
#include <wring/net/lingering_close.hpp>
#include <wring/net/listener.hpp>
#include <wring/net/pending_connection.hpp>
#include <wring/net/serve_options.hpp>

namespace wring::net::detail {

/// Whether a handler is given the stream by reference, and leaves it to `serve` to close.
template <class Handler, class Stream>
inline constexpr bool leaves_stream = !std::invocable<Handler&, Stream> && std::invocable<Handler&, Stream&>;

/// What one call of `serve` keeps: its connections, limits and counters.
class WRING_API serving {
 public:
  /// Throws std::invalid_argument.
  serving(const serve_options& options, bool streams_are_left);
  serving(const serving&) = delete;
  serving& operator=(const serving&) = delete;

  [[nodiscard]] nursery& connections() noexcept { return connections_; }
  [[nodiscard]] duration establish_timeout() const noexcept { return options_.establish_timeout; }
  [[nodiscard]] duration lame_duck() const noexcept { return options_.lame_duck; }
  /// From now on connections are cancelled that overrun the grace; announces and counts them.
  void begin_grace() noexcept;

  [[nodiscard]] const std::optional<linger_options>& linger() const noexcept { return options_.linger; }
  [[nodiscard]] const serve_report& report() const noexcept { return report_; }

  void accepted() noexcept { count(&serve_counters::accepted); }
  void served() noexcept { count(&serve_counters::served); }
  void cut() noexcept { count(&serve_counters::cut); }
  /// The connection's slot among those of its peer; none if it must be closed. Throws std::bad_alloc.
  [[nodiscard]] std::optional<peer_table::slot> admit(const error_address& peer);

  // What is logged and counted.
  void refused(const error& reason) noexcept;
  void not_established(const error_address& peer, const error& reason) noexcept;
  void not_established(const error_address& peer, const std::exception_ptr& failure) noexcept;
  void failed(const error_address& peer, const std::exception_ptr& failure) noexcept;

 private:
  struct grace_timer : wring::detail::timer {
    explicit grace_timer(nursery& n) noexcept;
    grace_timer(const grace_timer&) = delete;
    grace_timer& operator=(const grace_timer&) = delete;
    ~grace_timer();
    nursery& connections;
    scheduler& sched;
  };

  void count(std::uint64_t serve_counters::* what) noexcept {
    ++(report_.*what);
    if (options_.counters != nullptr) ++(options_.counters->*what);
  }

  serve_options options_;
  serve_report report_;
  peer_table peers_;
  nursery connections_;
  grace_timer grace_;
};

[[nodiscard]] WRING_API error no_memory_to_accept(const error_address& at) noexcept;

/// Whose connection it is, for the log and the limits.
struct served_peer {
  served_peer(serving& s, const error_address& from) noexcept : service(s), address(from) {}

  /// Logs and counts how the handler's task has ended.
  void take(task<>& handled, bool by_cancellation) noexcept {
    if (by_cancellation) return service.cut();
    try {
      handled.take();
      service.served();
    } catch (...) {
      service.failed(address, std::current_exception());
    }
  }

  serving& service;
  error_address address;  ///< the peer's, and then that of the established stream
  peer_table::slot slot;
};

/// A connection that is being served: a child whose failure is logged with the peer's address and affects no other.
template <class Work>
class connection final : public wring::detail::child_base<connection<Work>> {
 public:
  /// `make(place, peer)` makes the work.
  template <class Make>
  connection(serving& s, const error_address& from, Make make)
      : wring::detail::child_base<connection>(s.connections()), peer_(s, from) {
    make(static_cast<void*>(&work_), peer_);
  }
  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;
  ~connection() {}  // finish() has destroyed the work

 private:
  friend wring::detail::child_base<connection>;

  bool begin() override { return work_.task.begin_await(*this); }

  std::exception_ptr finish(bool by_cancellation) noexcept {
    peer_.take(work_.task, by_cancellation);
    std::destroy_at(&work_);
    peer_.slot = {};
    return nullptr;
  }

  served_peer peer_;
  union {
    Work work_;
  };
};

/// The established stream; none if it came to nothing or is one too many of its peer's, which has been logged then. A
/// task of its own, so that nothing of it is left while the connection is served.
template <class P>
task<std::optional<established_stream<P>>> establish(P pending, served_peer& peer) {
  try {
    auto established = co_await with_timeout(peer.service.establish_timeout(), pending.establish()).result();
    if (established) {
      if constexpr (requires { error_address(established->peer_address()); }) {
        const error_address known = established->peer_address();
        if (!known.empty()) peer.address = known;
      }
      auto slot = peer.service.admit(peer.address);
      if (!slot) co_return std::nullopt;
      peer.slot = std::move(*slot);
      co_return std::move(*established);
    }
    peer.service.not_established(peer.address, established.error());
  } catch (...) {
    peer.service.not_established(peer.address, std::current_exception());
  }
  co_return std::nullopt;
}

/// For a handler that leaves the stream to be closed: `invoke` calls it. Its type has no place in this frame: g++ warns
/// of that of a lambda in a header's coroutine.
template <class Stream>
task<> handle_and_close(task<> (*invoke)(void* handler, Stream&), void* handler, Stream stream, served_peer& peer) {
  co_await invoke(handler, stream);
  if (peer.service.linger()) co_await lingering_close(stream, *peer.service.linger());
}

/// A connection that must be established first. It is begun a second time then, with the handler's task: so nothing of
/// the first one is left while the connection is served.
template <class Handler, class P>
class unestablished_connection final : public wring::detail::child_flow {
 public:
  unestablished_connection(serving& s, const error_address& from, Handler& handler, P&& pending)
      : wring::detail::child_flow(s.connections()), peer_(s, from), handler_(handler) {
    ::new (static_cast<void*>(&first_)) establishing(establish(std::move(pending), peer_));
  }
  unestablished_connection(const unestablished_connection&) = delete;
  unestablished_connection& operator=(const unestablished_connection&) = delete;
  ~unestablished_connection() {}  // what was in the union has been destroyed
  static void* operator new(std::size_t size) { return wring::detail::frame_recycler::allocate(size); }
  static void operator delete(void* block, std::size_t size) noexcept {
    wring::detail::frame_recycler::deallocate(block, size);
  }

 private:
  using stream = established_stream<P>;
  using establishing = task<std::optional<stream>>;
  using invoke_function = task<> (*)(void*, stream&);
  using closing_function = task<> (*)(invoke_function, void*, stream, served_peer&);
  using handling =
      std::conditional_t<leaves_stream<Handler, stream>,
                         wring::detail::bound_task<closing_function, invoke_function, void*, stream, served_peer&>,
                         wring::detail::bound_task<std::reference_wrapper<Handler>, stream>>;
  /// What the union holds.
  enum class phase : std::uint8_t { establishing, established, handling, over };

  bool begin() override {
    if (phase_ == phase::establishing) return first_.begin_await(*this);
    stream made = std::move(stream_);
    std::destroy_at(&stream_);
    phase_ = phase::over;
    try {
      if constexpr (leaves_stream<Handler, stream>) {
        const auto invoke = [](void* handler, stream& s) -> task<> {
          return std::invoke(*static_cast<Handler*>(handler), s);
        };
        ::new (static_cast<void*>(&second_)) handling(closing_function(&handle_and_close<stream>),
                                                      invoke_function(invoke), &handler_, std::move(made), peer_);
      } else {
        ::new (static_cast<void*>(&second_)) handling(std::reference_wrapper<Handler>(handler_), std::move(made));
      }
    } catch (...) {
      peer_.service.failed(peer_.address, std::current_exception());
      return true;
    }
    phase_ = phase::handling;
    return second_.task.begin_await(*this);
  }

  void ended(bool by_cancellation) noexcept override {
    if (phase_ == phase::establishing && take_established(by_cancellation)) return;
    if (phase_ == phase::established) {  // cancelled before it could begin again
      std::destroy_at(&stream_);
      peer_.service.cut();
    } else if (phase_ == phase::handling) {
      peer_.take(second_.task, by_cancellation);
      std::destroy_at(&second_);
    }
    peer_.slot = {};
    leave_nursery(nullptr);
    if (drop()) delete this;
  }
  void free_block() noexcept override { delete this; }

  /// True: it goes on.
  bool take_established(bool by_cancellation) noexcept {
    std::optional<stream> made;
    if (by_cancellation) {
      peer_.service.cut();
    } else {
      made = first_.take();  // which catches what it throws
    }
    std::destroy_at(&first_);
    phase_ = phase::over;
    if (!made) return false;
    ::new (static_cast<void*>(&stream_)) stream(std::move(*made));
    phase_ = phase::established;
    started = false;
    enqueue();
    return true;
  }

  served_peer peer_;
  Handler& handler_;
  phase phase_ = phase::establishing;
  union {
    establishing first_;
    stream stream_;
    handling second_;
  };
};

/// Starts a connection as a child.
template <class Handler, class P>
void start_connection(serving& service, Handler& handler, P&& pending) {
  using access = wring::detail::nursery_access;
  const error_address from = socket_address(pending.peer_address());
  service.accepted();
  try {
    if constexpr (established_at_once<P> && !leaves_stream<Handler, P>) {
      // Without a task around the handler's: that would stay for as long as the connection.
      using work = wring::detail::bound_task<std::reference_wrapper<Handler>, P>;
      auto slot = service.admit(from);
      if (!slot) return;
      const auto make = [&](void* place, served_peer& peer) {
        ::new (place) work(std::reference_wrapper<Handler>(handler), std::move(pending));
        peer.slot = std::move(*slot);
      };
      access::launch(service.connections(), *new connection<work>(service, from, make));
    } else {
      using child = unestablished_connection<Handler, P>;
      access::launch(service.connections(), *new child(service, from, handler, std::move(pending)));
    }
  } catch (...) {
    service.failed(from, std::current_exception());
  }
}

/// What follows an accept.
enum class accepting { goes_on, pauses, ends };
/// Before the next attempt of a listener that fails, which may be at once, again and again.
inline constexpr duration accept_pause = std::chrono::milliseconds(10);

template <class Handler, class P>
accepting take_on(serving& service, Handler& handler, result<P>& accepted) {
  if (accepted) {
    start_connection(service, handler, std::move(*accepted));
    return accepting::goes_on;
  }
  if (accepted.error() == errc::closed) return accepting::ends;
  service.refused(accepted.error());
  return accepting::pauses;
}

template <class L, class Handler>
task<> accept_until_stopping(L& listener, Handler& handler, serving& service) {
  for (;;) {
    const bool room = co_await until_stopping(service.connections().vacancy());
    if (!room) co_return;
    accepting next = accepting::pauses;
    try {
      auto accepted = co_await until_stopping(listener.accept()).result();
      if (!accepted) co_return;
      next = take_on(service, handler, *accepted);
    } catch (const std::bad_alloc&) {
      service.refused(no_memory_to_accept(socket_address(listener.local_address())));
    }
    if (next == accepting::ends) co_return;
    if (next == accepting::pauses) static_cast<void>(co_await until_stopping(sleep_for(accept_pause)));
  }
}

/// Until the listener is closed: what one that has been drained still returns, and what comes in the lame duck's time.
template <class L, class Handler>
task<> accept_the_rest(L& listener, Handler& handler, serving& service) {
  for (;;) {
    co_await service.connections().vacancy();
    accepting next = accepting::pauses;
    try {
      auto accepted = co_await listener.accept().result();
      next = take_on(service, handler, accepted);
    } catch (const std::bad_alloc&) {
      service.refused(no_memory_to_accept(socket_address(listener.local_address())));
    }
    if (next == accepting::ends) co_return;
    if (next == accepting::pauses) co_await sleep_for(accept_pause);
  }
}

}  // namespace wring::net::detail
