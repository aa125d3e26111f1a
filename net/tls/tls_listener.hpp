// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <memory>
#include <type_traits>
#include <utility>

#include <wring/core/task.hpp>
#include <wring/net/detail/refused_release.hpp>
#include <wring/net/listener.hpp>
#include <wring/net/pending_connection.hpp>
#include <wring/net/released_connection.hpp>
#include <wring/net/socket_address.hpp>
#include <wring/net/stream.hpp>
#include <wring/net/tcp_listener.hpp>
#include <wring/net/tls/detail/handshakes.hpp>
#include <wring/net/tls/detail/tls_accept.hpp>
#include <wring/net/tls/server_context.hpp>
#include <wring/net/tls/tls_stream.hpp>

namespace wring::net {

/// What a `tls_listener` accepts: a connection whose handshake has not begun.
template <pending_connection P>
class tls_connection {
 public:
  tls_connection(P&& inner, const std::shared_ptr<tls::detail::handshakes>& all)
      : inner_(std::move(inner)), all_(all) {}

  /// That of the connection inside.
  [[nodiscard]] socket_address peer_address() const noexcept { return inner_.peer_address(); }
  /// Does the handshake, see `tls::accept`, which says what it throws; its caller limits its time. Besides,
  /// errc::limit_exceeded for one that was ended for others.
  [[nodiscard]] task<tls_stream> establish() {
    established_stream<P> stream = co_await inner_.establish();
    co_return co_await tls::detail::establish(all_, any_stream(std::move(stream)));
  }
  /// Releases the connection inside, of which nothing has been read, if it can be: what adopts it does the handshake,
  /// by `tls::accept`.
  [[nodiscard]] task<released_connection> release() { return detail::release_if_possible(inner_); }

 private:
  template <class, class>
  friend class tls::detail::tls_accept;

  P inner_;
  std::shared_ptr<tls::detail::handshakes> all_;
};

struct tls_listener_options {
  /// Handshakes at once, from a whole first message of the client on, at least one. A further one ends, of those that
  /// wait for their client, the one that began first; if none does, it is ended itself. Connections that have not sent
  /// that much cost next to nothing, and count for `serve` alone.
  std::size_t max_handshakes = 4096;
};
static_assert(std::is_trivially_destructible_v<tls_listener_options>);

/// Accepts TLS connections: wraps any listener, whose connections speak TLS.
///
///     auto listener = co_await net::listen_tls(net::tls::server_context(settings), {.port = 443});
///     co_await net::serve(listener, handler);   // with tls_streams
///
/// The handshake is a connection's `establish()`, in its own task, so that nobody waits for another one's.
template <listener L>
class tls_listener {
 public:
  /// Throws std::invalid_argument for a limit of 0.
  tls_listener(L inner, tls::server_context context, const tls_listener_options& options = {})
      : inner_(std::move(inner)),
        all_(std::make_shared<tls::detail::handshakes>(std::move(context), options.max_handshakes)) {}

  /// See `listener`.
  [[nodiscard]] auto accept() {
    auto make = [this] { return inner_.accept(); };
    return tls::detail::tls_accept<tls_connection<accepted_connection<L>>, decltype(inner_.accept())>(all_, make);
  }
  [[nodiscard]] socket_address local_address() const noexcept { return inner_.local_address(); }
  /// As the listener inside.
  [[nodiscard]] auto drain()
    requires drainable_listener<L>
  {
    return inner_.drain();
  }
  [[nodiscard]] auto close() { return inner_.close(); }

  /// The listener inside.
  [[nodiscard]] L& inner() noexcept { return inner_; }

 private:
  L inner_;
  std::shared_ptr<tls::detail::handshakes> all_;
};

/// Listens for TLS over TCP. Throws as `listen_tcp` does.
[[nodiscard]] WRING_API task<tls_listener<tcp_listener>> listen_tls(tls::server_context context,
                                                                    tcp_listen_options options = {});

}  // namespace wring::net
