// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

#include <wring/core/detail/export.hpp>
#include <wring/net/socket_address.hpp>

namespace wring::net {

class datagram_transport;

/// What callback code does with the datagrams of a socket: Twisted's DatagramProtocol. Derive, override what you need,
/// and give it to `listen_udp` or `connect_udp`:
///
///     class echo : public wring::net::datagram_protocol {
///       void datagram_received(std::span<const std::byte> data, const socket_address& from) override {
///         transport().write(data, from);
///       }
///     };
///
/// The functions are called in this order: `start_protocol`, `datagram_received` and `connection_refused` any number of
/// times, `stop_protocol` once. They are called by one task and must not block. What one throws is logged, and the
/// next datagram is received; what `start_protocol` throws becomes the failure of `listen_udp`. One thread.
class WRING_API datagram_protocol {
 public:
  datagram_protocol() noexcept = default;
  datagram_protocol(const datagram_protocol&) = delete;
  datagram_protocol& operator=(const datagram_protocol&) = delete;
  virtual ~datagram_protocol();

  /// The socket is there: `transport()` is set.
  virtual void start_protocol() {}
  /// A datagram has arrived, which may be empty. The bytes are valid during the call. Of one that is longer than
  /// `udp_options::largest` the rest is missing.
  virtual void datagram_received(std::span<const std::byte> data, const socket_address& from);
  /// The host of the peer, to which the socket is connected, has said that nobody receives there. Later datagrams are
  /// sent all the same.
  virtual void connection_refused() {}
  /// The socket is closed, or about to be; nothing more is called.
  virtual void stop_protocol() {}

  /// Throws std::logic_error before there is one; afterwards it is valid for ever.
  [[nodiscard]] datagram_transport& transport() const;

 protected:
  [[nodiscard]] static std::string_view text_of(std::span<const std::byte> data) noexcept {
    return {reinterpret_cast<const char*>(data.data()), data.size()};
  }

 private:
  friend datagram_transport;
  std::shared_ptr<datagram_transport> transport_;
};

}  // namespace wring::net
