// SPDX-License-Identifier: MIT
// A server of WebSockets and a raw client for it, for several tests.
#pragma once

#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include <wring/core/nursery.hpp>
#include <wring/core/task.hpp>
#include <wring/net/memory_stream.hpp>
#include <wring/protocols/http/server.hpp>
#include <wring/protocols/websocket/accept.hpp>

#include "frames.hpp"

namespace wring::tests::websocket {

inline std::string handshake(std::string_view path = "/ws", std::string_view more = {}) {
  return "GET " + std::string(path) +
         " HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
         std::string(more) + "\r\n";
}

inline task<> echo(ws::socket& s) {
  for (;;) {
    const auto m = co_await s.receive();
    if (!m) co_return;
    co_await s.send(m->kind, m->bytes);
  }
}

/// What arrives up to the end of a head.
inline task<std::string> read_head(net::stream_ref from) {
  std::string all;
  std::array<std::byte, 1> byte;
  while (!all.ends_with("\r\n\r\n")) {
    const std::size_t got = co_await from.read(byte);
    if (got == 0) throw std::runtime_error("the stream has ended behind: " + all);
    all += static_cast<char>(byte[0]);
  }
  co_return all;
}

/// All that arrives until the stream ends, or breaks.
inline task<std::string> read_rest(net::stream_ref from) {
  std::string all;
  for (;;) {
    const auto got = co_await from.read_some().result();
    if (!got || got->empty()) co_return all;
    all.append(reinterpret_cast<const char*>(got->data()), got->size());
  }
}

/// So many bytes.
inline task<std::string> read_exactly(net::stream_ref from, std::size_t size) {
  std::string all(size, '\0');
  std::size_t at = 0;
  while (at != size) {
    const std::size_t got = co_await from.read(std::as_writable_bytes(std::span(all)).subspan(at));
    if (got == 0) throw std::runtime_error("the stream has ended inside of what was expected");
    at += got;
  }
  co_return all;
}

inline std::string sent_by_client(opcode o, std::string_view payload, bool final = true) {
  return frame(side::client, o, payload, final);
}
inline std::string sent_by_server(opcode o, std::string_view payload, bool final = true) {
  return frame(side::server, o, payload, final);
}
inline std::string close_payload(std::uint16_t code, std::string_view reason = {}) {
  return std::string{static_cast<char>(code >> 8), static_cast<char>(code & 0xff)} + std::string(reason);
}

/// A server for one connection, whose client's end is passed to `client`.
template <class Client>
task<> converse(const http::router& routes, Client client, http::server_limits limits = {},
                net::memory_stream_options how = {}) {
  auto [near, far] = net::make_memory_stream_pair(how);
  nursery n;
  const auto body = [&]() -> task<> {
    n.start(http::serve_connection, net::stream_ref(far), std::cref(routes), limits);
    co_await client(near);
    near.abort();
  };
  co_await n.run(std::ref(body));
}

/// The same, behind the handshake.
template <class Client>
task<> converse_on(const http::router& routes, Client client, net::memory_stream_options how = {}) {
  const auto behind = [&](net::memory_stream& near) -> task<> {
    co_await near.write_all(handshake());
    static_cast<void>(co_await read_head(near));
    co_await client(near);
  };
  co_await converse(routes, std::ref(behind), {}, how);
}

template <class Conversation>
http::router site_of(Conversation c, ws::options o = {}) {
  http::router r;
  r.get("/ws", ws::handler(std::move(c), o));
  return r;
}

}  // namespace wring::tests::websocket
