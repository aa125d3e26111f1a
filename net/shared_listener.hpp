// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <concepts>
#include <cstddef>
#include <functional>
#include <memory>
#include <tuple>
#include <type_traits>
#include <utility>

#include <wring/core/awaitable.hpp>
#include <wring/core/detail/gcc12.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/scheduler.hpp>
#include <wring/core/sync/cross_channel.hpp>
#include <wring/core/sync/event.hpp>
#include <wring/core/task.hpp>
#include <wring/core/when_any.hpp>
#include <wring/net/detail/handed_connection.hpp>
#include <wring/net/listener.hpp>
#include <wring/net/socket_address.hpp>
#include <wring/net/socket_listener.hpp>

namespace wring::net {

template <class Listener>
class listener_share;

/// One listening socket whose connections are served by several schedulers: for sockets of which each scheduler cannot
/// have its own, as it has with `listen_tcp` in a `runtime`. Those are Unix sockets, and what was inherited, adopted or
/// bound by the caller.
///
///     wring::task<> serve_all(net::shared_listener<net::unix_listener>& door) {    // on each scheduler
///       auto listener = co_await door.listen([] { return net::listen_unix("/run/app.sock"); });
///       co_await net::serve(listener, handler);
///     }
///     int main() {
///       net::shared_listener<net::unix_listener> door;   // made before the runtime, and destroyed after it
///       return wring::runtime().run(serve_all, std::ref(door));
///     }
///
/// The scheduler that comes first listens. It accepts for all, and hands each connection to the share that has waited
/// longest for one: so a scheduler that is busy, or at its limit of connections, gets fewer. What nobody waits for is
/// queued, up to `queue`; beyond that the kernel's backlog keeps it.
///
/// `Listener` is `tcp_listener` or `unix_listener`. Layers go around the shares: `proxy_listener(std::move(listener))`.
template <class Listener>
class shared_listener {
  using stream = accepted_connection<Listener>;
  static_assert(std::derived_from<Listener, socket_listener<stream>>,
                "shared_listener<L>: L is a listener on a socket; what wraps listeners goes around its shares");

 public:
  using share = listener_share<Listener>;

  /// `queue`: connections that may wait for an accept(), on all schedulers together. Throws std::invalid_argument for
  /// zero.
  explicit shared_listener(std::size_t queue = 64) : shared_(std::make_shared<state>(queue)) {}

  /// Returns this scheduler's share. The first call, on any scheduler, makes the listener: `make()` returns it, or
  /// something to be awaited that does. The others wait for that; they fail with errc::closed if it has failed, and
  /// when listening has ended.
  template <std::invocable Make>
  [[nodiscard]] task<share> listen(Make make);

 private:
  friend share;

  /// What the schedulers share.
  struct state {
    explicit state(std::size_t queue) : connections(queue) {}

    std::atomic<bool> taken = false;  // somebody makes the listener
    cross_channel<char> opened{1};    // closed when it is made, or cannot be
    bool listening = false;           // this and the next two are set before `opened` is closed
    socket_address address;
    unsigned descriptors = 0;
    cross_channel<detail::handed_connection> connections;
  };
  /// On the scheduler that listens: used by its share, and by the task that accepts, which ends after it.
  struct owned {
    explicit owned(Listener l) : listener(std::move(l)) {}
    Listener listener;
    event ended;
  };

  /// Tells both sides that nothing more is handed out, when it is destroyed: a parameter of the task that does so,
  /// which may be cancelled before it begins.
  class handing_out {
   public:
    handing_out(std::shared_ptr<owned> from, std::shared_ptr<state> to) noexcept
        : from_(std::move(from)), to_(std::move(to)) {}
    handing_out(handing_out&&) noexcept = default;
    handing_out& operator=(handing_out&&) = delete;
    ~handing_out() {
      if (from_ == nullptr) return;
      to_->connections.close();
      from_->ended.set();
    }
    [[nodiscard]] Listener& from() const noexcept { return from_->listener; }
    [[nodiscard]] state& to() const noexcept { return *to_; }

   private:
    std::shared_ptr<owned> from_;
    std::shared_ptr<state> to_;
  };
  static task<> hand_out(handing_out all);

  std::shared_ptr<state> shared_;
};

/// One scheduler's share of a `shared_listener`: a `listener`, for `serve`. Movable, while no task waits for a
/// connection. Belongs to the scheduler it was made on.
template <class Listener>
class listener_share {
  using shared = shared_listener<Listener>;
  using stream = accepted_connection<Listener>;

 public:
  /// See `plain_listener`.
  static constexpr bool is_plain = true;

  listener_share(listener_share&&) noexcept = default;
  listener_share& operator=(listener_share&& other) noexcept {
    std::swap(shared_, other.shared_);
    std::swap(owned_, other.owned_);
    std::swap(acceptor_, other.acceptor_);
    std::swap(ended_, other.ended_);
    return *this;
  }
  /// The share of the scheduler that listens ends listening.
  ~listener_share() { acceptor_.cancel(); }

  /// Returns the next connection. Several tasks may wait. Returning. Throws io_error with errc::closed once this share
  /// or the one that listens is closed.
  [[nodiscard]] task<stream> accept() {
    auto outcome = co_await when_any(shared_->connections.receive(), ended_->wait());
    auto& handed = std::get<0>(outcome);
    if (!handed || !*handed) error(errc::closed, "accept on").with_address(shared_->address).raise();
    co_return detail::socket_access::make<stream>(detail::attach((*handed)->take(), shared_->descriptors).take());
  }

  /// Where all of them listen.
  [[nodiscard]] socket_address local_address() const noexcept { return shared_->address; }

  /// Takes part no more, but for connections that wait already; after them accept() fails with errc::closed. The share
  /// that listens stops that, and first takes those in the kernel's backlog, for itself and the shares that are left.
  [[nodiscard]] task<> drain() {
    if (owned_ == nullptr) {
      ended_->set();
    } else {
      co_await owned_->listener.drain();
    }
  }

  /// Takes part no more. The share that listens stops that for all, and closes connections that wait. Tasks that wait
  /// for one fail with errc::closed.
  [[nodiscard]] task<> close() {
    ended_->set();
    if (owned_ == nullptr) co_return;
    co_await owned_->listener.close();
    acceptor_.cancel();
    co_await owned_->ended.wait();
    while (shared_->connections.try_receive()) {
    }
  }

 private:
  friend shared;
  using state = typename shared::state;
  using owned = typename shared::owned;

  listener_share(std::shared_ptr<state> s, std::shared_ptr<owned> listening, child_handle acceptor)
      : shared_(std::move(s)),
        owned_(std::move(listening)),
        acceptor_(std::move(acceptor)),
        ended_(std::make_unique<event>()) {}

  std::shared_ptr<state> shared_;
  std::shared_ptr<owned> owned_;  // null where another scheduler listens
  child_handle acceptor_;
  std::unique_ptr<event> ended_;
};

template <class Listener>
template <std::invocable Make>
task<listener_share<Listener>> shared_listener<Listener>::listen(Make make) {
  wring::detail::assert_safe_callable<Make>();
  if (shared_->taken.exchange(true)) {
    static_cast<void>(co_await shared_->opened.receive());
    if (!shared_->listening) {
      error(errc::closed, "listen on").with_detail("the scheduler that was to listen for all could not").raise();
    }
    co_return share(shared_, nullptr, {});
  }
  struct opening {
    cross_channel<char>& opened;
    explicit opening(cross_channel<char>& o) noexcept : opened(o) {}
    opening(const opening&) = delete;
    opening& operator=(const opening&) = delete;
    ~opening() { opened.close(); }
  };
  const opening here(shared_->opened);
  std::shared_ptr<owned> made;
  if constexpr (awaitable<std::invoke_result_t<Make&>>) {
    Listener listener = co_await std::invoke(make);
    made = std::make_shared<owned>(std::move(listener));
  } else {
    made = std::make_shared<owned>(std::invoke(make));
  }
  shared_->address = made->listener.local_address();
  if (const detail::accept_socket* s = detail::listener_access::socket_of(made->listener); s != nullptr) {
    shared_->descriptors = s->descriptors();
  }
  child_handle acceptor = scheduler::current().root().start(hand_out, handing_out(made, shared_));
  shared_->listening = true;
  co_return share(shared_, std::move(made), std::move(acceptor));
}

// It accepts until the listener is closed, or drained and empty.
template <class Listener>
task<> shared_listener<Listener>::hand_out(handing_out all) {
  auto connections = all.from().connections();
  for (;;) {
    detail::accepted_connection accepted;
    {
      const auto next = co_await connections.next().result();
      if (!next) continue;  // there was no memory for this one
      if (!*next) co_return;
      accepted = detail::detach(**next);
    }
    co_await all.to().connections.send(detail::handed_connection(std::move(accepted)));
  }
}

}  // namespace wring::net
