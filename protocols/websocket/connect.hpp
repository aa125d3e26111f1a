// SPDX-License-Identifier: MIT
#pragma once

#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

#include <wring/core/detail/export.hpp>
#include <wring/core/task.hpp>
#include <wring/net/connector.hpp>
#include <wring/net/stream.hpp>
#include <wring/protocols/http/fields.hpp>
#include <wring/protocols/websocket/options.hpp>
#include <wring/protocols/websocket/socket.hpp>

namespace wring::ws {

/// A server does not go on with WebSocket.
class WRING_API handshake_error : public std::runtime_error {
 public:
  handshake_error(int status, const std::string& text) : std::runtime_error(text), status_(status) {}

  /// Of its answer; 101 if it has agreed, and not as it must. Zero if the answer is no HTTP.
  [[nodiscard]] int status() const noexcept { return status_; }

 private:
  int status_;
};

/// Connects to a WebSocket (RFC 6455, section 4.1): "ws://host:port/path?query", and "wss:" for one over TLS.
/// `fields` go with the request: cookies, an Origin, an Authorization.
///
///     net::name_connector names;      // or a tls::connector, for wss
///     ws::socket s = co_await ws::connect(names, "ws://localhost:8080/chat");
///
/// Throws std::invalid_argument for what is no such URL and for fields that cannot be sent or are the handshake's own;
/// what the connector throws; handshake_error; timeout_error after `options::handshake`, which the connector's own time
/// does not count for. Redirects are not followed.
[[nodiscard]] WRING_API task<socket> connect(net::connector_ref through, std::string_view url, options o = {},
                                             std::span<const http::field> fields = {});

/// The same on a stream that is connected already; of the URL, the host is named, and the path asked for.
[[nodiscard]] WRING_API task<socket> connect(net::any_stream stream, std::string_view url, options o = {},
                                             std::span<const http::field> fields = {});

}  // namespace wring::ws
