// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include <wring/core/duration.hpp>
#include <wring/core/task.hpp>
#include <wring/core/timeout.hpp>
#include <wring/net/detail/established_wait.hpp>
#include <wring/net/detail/proxied_accept.hpp>
#include <wring/net/detail/refused_release.hpp>
#include <wring/net/ip_network.hpp>
#include <wring/net/listener.hpp>
#include <wring/net/pending_connection.hpp>
#include <wring/net/proxy_protocol.hpp>
#include <wring/net/released_connection.hpp>
#include <wring/net/socket_address.hpp>
#include <wring/net/stream.hpp>

namespace wring::net {

/// A stream that has come through a proxy: an `S` with the address of the proxy's client.
template <stream S>
class proxied_stream : public S {
 public:
  proxied_stream() = default;
  proxied_stream(S&& stream, const socket_address& proxy, proxy_header&& header)
      : S(std::move(stream)), proxy_address_(proxy), header_(std::move(header)) {}

  /// The client's address; the proxy's own where its header names none. Faults of the stream name the proxy.
  [[nodiscard]] socket_address peer_address() const noexcept {
    return header_.is_local() ? proxy_address_ : header_.source();
  }
  /// The address of what has connected to this host.
  [[nodiscard]] socket_address proxy_address() const noexcept { return proxy_address_; }
  /// What the proxy has said: the address that the client has connected to, and more.
  [[nodiscard]] const proxy_header& proxy() const noexcept { return header_; }

  /// A stream is its own `pending_connection`: returns it, moved, at once. Returning.
  [[nodiscard]] auto establish() noexcept { return detail::established_wait<proxied_stream>(*this); }

 private:
  socket_address proxy_address_;
  proxy_header header_;
};

/// What a `proxy_listener` accepts: a connection whose header has not been read.
template <pending_connection P>
class proxied_connection {
 public:
  proxied_connection(P&& inner, const std::shared_ptr<detail::proxy_rules>& rules)
      : inner_(std::move(inner)), rules_(rules) {}

  /// The proxy's address.
  [[nodiscard]] socket_address peer_address() const noexcept { return inner_.peer_address(); }
  /// Reads the header. Throws io_error: EACCES for a proxy that is not trusted, EPROTO and errc::limit_exceeded for a
  /// header that is none, errc::unexpected_eof, timeout_error. That is logged, once a second at most.
  [[nodiscard]] task<proxied_stream<established_stream<P>>> establish();
  /// Releases the connection inside, if it can be: its header has not been read, and is what its adopter reads first.
  [[nodiscard]] task<released_connection> release() { return detail::release_if_possible(inner_); }

 private:
  template <class, class>
  friend class detail::proxied_accept;

  P inner_;
  std::shared_ptr<detail::proxy_rules> rules_;
};

/// How headers are read.
struct proxy_options {
  duration header_timeout = std::chrono::seconds(3);  ///< until the header must be there, from establish() on
  std::size_t largest_header = 4096;                  ///< bytes of a header of version 2, at least 232
};
static_assert(std::is_trivially_destructible_v<proxy_options>);

/// Takes connections that come through proxies which speak the PROXY protocol, version 1 or 2: load balancers, mostly.
/// Wraps any listener but a TLS one, since the header comes before TLS: put TLS around this. Every connection must
/// begin with a header, and is dropped if that is missing, wrong or late, or if the proxy is not trusted: what a header
/// says would be believed. The header of a proxy that speaks for itself is accepted.
///
///     net::proxy_listener listener(co_await net::listen_tcp({.port = 80}), {net::ip_network("10.0.0.0/8")});
///
/// Limits of connections per peer count those of the clients: `serve_options::max_per_peer`.
template <plain_listener L>
class proxy_listener {
 public:
  /// See `plain_listener`.
  static constexpr bool is_plain = true;

  /// `trusted`: where proxies may connect from. Who connects to a Unix socket is always trusted: the permissions of its
  /// file decide who may.
  explicit proxy_listener(L inner, std::vector<ip_network> trusted = {}, const proxy_options& options = {})
      : inner_(std::move(inner)),
        rules_(std::make_shared<detail::proxy_rules>(std::move(trusted), options.header_timeout,
                                                     options.largest_header)) {}

  /// See `listener`: the header is read by establish().
  [[nodiscard]] auto accept() {
    auto make = [this] { return inner_.accept(); };
    return detail::proxied_accept<proxied_connection<accepted_connection<L>>, decltype(inner_.accept())>(rules_, make);
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
  std::shared_ptr<detail::proxy_rules> rules_;
};

template <pending_connection P>
task<proxied_stream<established_stream<P>>> proxied_connection<P>::establish() {
  using inner_stream = established_stream<P>;
  constexpr bool takes_back = requires(inner_stream& s, buffer_lease rest) { s.unread(std::move(rest)); };
  const socket_address proxy = inner_.peer_address();
  try {
    rules_->require_trust(proxy);
    inner_stream stream = co_await inner_.establish();
    proxy_parser parser = rules_->parser();
    buffer_lease rest =
        co_await with_timeout(rules_->header_timeout(), detail::read_proxy_header(stream, parser, !takes_back));
    if constexpr (takes_back) {
      if (!rest.empty()) stream.unread(std::move(rest));
    }
    co_return proxied_stream<inner_stream>(std::move(stream), proxy, parser.take());
  } catch (const io_error& e) {
    rules_->dropped(proxy, e.details());
    throw;
  }
}

}  // namespace wring::net
