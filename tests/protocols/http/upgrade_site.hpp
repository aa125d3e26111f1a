// SPDX-License-Identifier: MIT
// A server whose requests may go on with another protocol, for several tests.
#pragma once

#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>

#include <wring/core/nursery.hpp>
#include <wring/net/memory_stream.hpp>
#include <wring/protocols/http/server.hpp>

#include "http_support.hpp"

namespace wring::tests::upgrading {

inline const std::string hello = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

inline std::string asks(std::string_view protocol, std::string_view more = {}) {
  return "GET /up HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: " + std::string(protocol) +
         "\r\n" + std::string(more) + "\r\n";
}

inline task<> echo(net::stream_ref peer) {
  for (;;) {
    const buffer_lease chunk = co_await peer.read_some();
    if (chunk.empty()) co_return;
    co_await peer.write_all(chunk);
  }
}

/// "/" says hello, "/up" goes on as an echo.
inline http::router site() {
  http::router r;
  r.get("/", [](http::request&, http::response& rs) { rs.text("hello\n"); });
  r.any("/up", [](http::request&, http::response& rs) -> task<> {
    rs.header("X-Echo", "yes");
    net::any_stream peer = co_await rs.upgrade("echo");
    co_await echo(peer);
  });
  return r;
}

inline const std::string switched =
    "HTTP/1.1 101 Switching Protocols\r\nX-Echo: yes\r\nUpgrade: echo\r\nConnection: upgrade\r\n\r\n";

/// A server for one connection, whose client's end is passed to `client`.
template <class Client>
task<> converse(const http::router& routes, Client client, http::server_limits limits = {}) {
  auto [near, far] = net::make_memory_stream_pair();
  nursery n;
  const auto body = [&]() -> task<> {
    n.start(http::serve_connection, net::stream_ref(far), std::cref(routes), limits);
    co_await client(near);
  };
  co_await n.run(std::ref(body));
}

/// What arrives up to this text.
inline task<std::string> read_until(net::stream_ref from, std::string_view text) {
  std::string all;
  while (!all.ends_with(text)) {
    const buffer_lease got = co_await from.read_some();
    if (got.empty()) throw std::runtime_error("the stream has ended behind: " + all);
    all.append(reinterpret_cast<const char*>(got.data()), got.size());
  }
  co_return all;
}

}  // namespace wring::tests::upgrading
