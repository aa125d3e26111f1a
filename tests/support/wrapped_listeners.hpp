// SPDX-License-Identifier: MIT
#pragma once

#include <cerrno>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <wring/core/error.hpp>
#include <wring/core/task.hpp>
#include <wring/net/any_listener.hpp>
#include <wring/net/listener.hpp>
#include <wring/net/pending_connection.hpp>
#include <wring/net/socket_address.hpp>
#include <wring/net/stream.hpp>

#include "framed_stream.hpp"

namespace wring::tests {

/// A connection that came through a proxy: another stream with the address of the proxy's client.
template <net::stream S>
class proxied_stream {
 public:
  proxied_stream(S inner, const net::socket_address& client) : inner_(std::move(inner)), client_(client) {}

  auto read_some() { return inner_.read_some(); }
  auto read(std::span<std::byte> into) { return inner_.read(into); }
  auto write_all(std::span<const std::byte> data) { return inner_.write_all(data); }
  auto write_all(std::span<const std::span<const std::byte>> parts) { return inner_.write_all(parts); }
  auto shut_down_write() { return inner_.shut_down_write(); }
  auto close() { return inner_.close(); }
  void abort() noexcept { inner_.abort(); }
  void unread(buffer_lease bytes) noexcept { inner_.unread(std::move(bytes)); }
  [[nodiscard]] net::socket_address peer_address() const noexcept { return client_; }

 private:
  S inner_;
  net::socket_address client_;
};

/// Reads a line of its own, "PROXY address\n", before the peer's bytes.
template <net::pending_connection P>
class proxied_connection {
 public:
  explicit proxied_connection(P inner) : inner_(std::move(inner)) {}

  [[nodiscard]] net::socket_address peer_address() const noexcept { return inner_.peer_address(); }

  task<proxied_stream<net::established_stream<P>>> establish() {
    auto stream = co_await inner_.establish();
    std::string header;
    for (;;) {
      buffer_lease chunk = co_await stream.read_some();
      if (chunk.empty()) error(errc::unexpected_eof, "read the proxy's header from").raise();
      const std::string_view text(reinterpret_cast<const char*>(chunk.data()), chunk.size());
      const std::size_t end = text.find('\n');
      header.append(text.substr(0, end));
      if (header.size() > largest) error(errc::limit_exceeded, "read the proxy's header from").raise();
      if (end == std::string_view::npos) continue;
      chunk.consume(end + 1);
      stream.unread(std::move(chunk));  // the peer's own bytes
      break;
    }
    constexpr std::string_view keyword = "PROXY ";
    if (!header.starts_with(keyword)) error(errc::bad_address, "read the proxy's header from").raise();
    const net::socket_address client(std::string_view(header).substr(keyword.size()));
    co_return proxied_stream<net::established_stream<P>>(std::move(stream), client);
  }

 private:
  static constexpr std::size_t largest = 100;

  P inner_;
};

/// Takes connections that come through a proxy.
template <net::plain_listener L>
class proxied_listener {
 public:
  static constexpr bool is_plain = true;

  explicit proxied_listener(L inner) : inner_(std::move(inner)) {}

  task<proxied_connection<net::accepted_connection<L>>> accept() {
    auto pending = co_await inner_.accept();
    co_return proxied_connection<net::accepted_connection<L>>(std::move(pending));
  }
  [[nodiscard]] net::socket_address local_address() const noexcept { return inner_.local_address(); }
  auto drain() { return inner_.drain(); }
  auto close() { return inner_.close(); }

 private:
  L inner_;
};

/// Of the shape of TLS: "hello" one way and "hi" the other, and then frames.
class framed_connection {
 public:
  explicit framed_connection(net::any_pending_connection inner) : inner_(std::move(inner)) {}

  [[nodiscard]] net::socket_address peer_address() const noexcept { return inner_.peer_address(); }

  task<net::any_stream> establish() {
    auto stream = co_await inner_.establish();
    co_await stream.write_all("hello");
    std::string answer(2, '\0');
    std::span<std::byte> missing = std::as_writable_bytes(std::span(answer));
    while (!missing.empty()) {
      const std::size_t got = co_await stream.read(missing);
      if (got == 0) error(errc::unexpected_eof, "shake hands with").raise();
      missing = missing.subspan(got);
    }
    if (answer != "hi") error::from_errno(EPROTO, "shake hands with").with_address(stream.peer_address()).raise();
    const error_address peer = stream.peer_address();
    co_return net::any_stream(std::in_place_type<stream_type>, std::move(stream), peer);
  }

  /// Frames that know their peer.
  class stream_type : public framed_stream {
   public:
    stream_type(net::any_stream inner, const error_address& peer) : framed_stream(std::move(inner)), peer_(peer) {}
    [[nodiscard]] error_address peer_address() const noexcept { return peer_; }

   private:
    error_address peer_;
  };

 private:
  net::any_pending_connection inner_;
};

/// Wraps any listener.
template <net::listener L>
class framed_listener {
 public:
  explicit framed_listener(L inner) : inner_(std::move(inner)) {}

  task<framed_connection> accept() {
    auto pending = co_await inner_.accept();
    co_return framed_connection(std::move(pending));
  }
  [[nodiscard]] net::socket_address local_address() const noexcept { return inner_.local_address(); }
  auto drain() { return inner_.drain(); }
  auto close() { return inner_.close(); }

 private:
  L inner_;
};

/// The other side of `framed_connection`.
inline task<net::any_stream> shake_hands(net::any_stream stream) {
  std::string greeting(5, '\0');
  std::span<std::byte> missing = std::as_writable_bytes(std::span(greeting));
  while (!missing.empty()) {
    const std::size_t got = co_await stream.read(missing);
    if (got == 0) error(errc::unexpected_eof, "shake hands with").raise();
    missing = missing.subspan(got);
  }
  co_await stream.write_all("hi");
  co_return net::any_stream(std::in_place_type<framed_stream>, std::move(stream));
}

}  // namespace wring::tests
