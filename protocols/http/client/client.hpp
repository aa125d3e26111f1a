// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <wring/core/detail/export.hpp>
#include <wring/core/task.hpp>
#include <wring/net/byte_source.hpp>
#include <wring/net/connector.hpp>
#include <wring/net/names/name_connector.hpp>
#include <wring/net/stream.hpp>
#include <wring/net/unix_connector.hpp>
#include <wring/protocols/http/absolute_url.hpp>
#include <wring/protocols/http/client/client_limits.hpp>
#include <wring/protocols/http/client/client_request.hpp>
#include <wring/protocols/http/client/client_response.hpp>
#include <wring/protocols/http/client/cookie_jar.hpp>
#include <wring/protocols/http/client/detail/client_pool.hpp>
#include <wring/protocols/http/client/proxy_rules.hpp>

namespace wring::http {

class request;
class response;
struct forward_hooks;

/// What a client has done and has.
struct client_stats {
  std::size_t connections = 0;  ///< that are open
  std::size_t idle = 0;         ///< of them, that wait for a request
  std::uint64_t requests = 0;   ///< that were sent, with those that redirects have led to
  std::uint64_t connects = 0;   ///< connections that were made
  std::uint64_t retries = 0;    ///< requests that were sent again
};

/// Sends HTTP/1.1 requests, and keeps connections for those that follow. One scheduler's: with several, each makes its
/// own. It must outlive its answers and exchanges.
///
///     wring::http::client web;
///     wring::http::client_response rs = co_await web.get("http://example.org/");
///     std::string text = co_await rs.text();
///
/// Whether a request is answered with 200 or 500 is no fault: what is thrown is that there was no whole answer.
/// io_error names the URL: what the connector throws; errc::unexpected_eof for a server that has closed before it has
/// answered; EPROTO for one that does not speak HTTP/1; errc::limit_exceeded; timeout_error, whose detail is the member
/// of client_limits. A request that is cancelled may have been received; its connection is not used again.
class WRING_API client {
 public:
  /// Connects by name over TCP, and to Unix sockets. It does not speak TLS: pass a net::tls::connector for that.
  explicit client(const client_limits& limits = {});
  /// Makes its connections by this connector, which must outlive it: a `net::tls::connector` for https, a
  /// `net::socks5_connector`, one of a test's own. Those to Unix sockets it makes itself. For https through a proxy,
  /// the connector must have `secure(any_stream, std::string host)`, a task that returns the any_stream of TLS over it,
  /// as that of TLS has.
  template <net::connector C>
    requires(!std::same_as<C, client>)
  explicit client(C& connector, const client_limits& limits = {}) : pool_(limits), connector_(connector) {
    if constexpr (requires(C& c, net::any_stream s) { c.secure(std::move(s), std::string()); }) {
      securer_ = std::addressof(connector);
      secure_ = [](void* c, net::any_stream s, std::string host) -> task<net::any_stream> {
        return static_cast<C*>(c)->secure(std::move(s), std::move(host));
      };
    }
  }
  client(const client&) = delete;
  client& operator=(const client&) = delete;

  /// Which requests go through a proxy. Before the first request.
  client& proxies(proxy_rules rules);
  /// Keeps cookies in `jar`, which must outlive the client, and sends them.
  client& cookies(cookie_jar& jar) noexcept;
  /// What User-Agent says unless the request has one; empty: nothing. "wring" otherwise.
  client& user_agent(std::string text);

  /// Sends a GET, and returns the answer at its head. Redirects are followed.
  [[nodiscard]] task<client_response> get(std::string_view url);
  /// Sends a request, which must stay until this has ended. Redirects are followed, unless they lead from https to
  /// http, which throws io_error (EPROTO).
  [[nodiscard]] task<client_response> send(const client_request& q);
  /// The same, with a body that is read from `body` while it is sent. An answer that comes before its end ends the
  /// sending, and the connection is not kept. It is not sent twice: a redirect that wants it again (307, 308) is
  /// returned, and nothing is tried again.
  [[nodiscard]] task<client_response> send(const client_request& q, net::byte_source_ref body);
  /// Sends nothing yet: the caller writes the body, and may read the answer meanwhile. Redirects are not followed.
  [[nodiscard]] task<client_exchange> open(client_request q);

  /// Answers a request of a server's with what the server at `origin`, a URL, answers to it: a reverse proxy. The path
  /// of the origin goes before that of the request. See forward_hooks, and `forward` for what it does.
  [[nodiscard]] task<> forward(request& rq, response& rs, std::string_view origin);
  [[nodiscard]] task<> forward(request& rq, response& rs, std::string_view origin, const forward_hooks& hooks);

  [[nodiscard]] client_stats stats() const noexcept;
  [[nodiscard]] const client_limits& limits() const noexcept { return pool_.limits; }

 private:
  friend class forwarding_call;
  using secure_function = task<net::any_stream> (*)(void*, net::any_stream, std::string);

  /// A place and a connection, for what is about to be appended.
  [[nodiscard]] task<std::unique_ptr<detail::h1_call>> prepare(const absolute_url& url, detail::asked_request asked,
                                                               const client_request::interim_observer* told,
                                                               bool fresh);
  [[nodiscard]] task<net::any_stream> dial(const absolute_url& url, const proxy_server* proxy);
  [[nodiscard]] task<net::any_stream> dial_through(const absolute_url& url, const proxy_server& proxy);
  /// Appends the request line and Host, for the way that leads there.
  void append_start(detail::h1_call& call, std::string_view method, const absolute_url& url, std::string_view target,
                    std::string_view host) const;
  void append_head(detail::h1_call& call, const client_request& q, bool streams);
  /// Sends it, and once more where that is safe.
  [[nodiscard]] task<std::unique_ptr<detail::h1_call>> ask(const client_request& q, const net::byte_source_ref* body);
  [[nodiscard]] task<client_response> follow(const client_request& first, const net::byte_source_ref* body);
  void keep_cookies(const absolute_url& from, const fields& headers);

  detail::client_pool pool_;
  std::unique_ptr<net::name_connector> own_connector_;
  net::unix_connector unix_;
  net::connector_ref connector_;
  void* securer_ = nullptr;
  secure_function secure_ = nullptr;
  proxy_rules proxies_;
  cookie_jar* jar_ = nullptr;
  std::string user_agent_ = "wring";
  std::uint64_t requests_ = 0;
  std::uint64_t connects_ = 0;
  std::uint64_t retries_ = 0;
};

}  // namespace wring::http
