// SPDX-License-Identifier: MIT
#include <stdexcept>

#include <wring/net/callback/datagram_protocol.hpp>

namespace wring::net {

datagram_protocol::~datagram_protocol() = default;

void datagram_protocol::datagram_received(std::span<const std::byte> data, const socket_address& from) {
  static_cast<void>(data);
  static_cast<void>(from);
}

datagram_transport& datagram_protocol::transport() const {
  if (transport_ == nullptr) throw std::logic_error("this protocol has no transport: nothing listens for it yet");
  return *transport_;
}

}  // namespace wring::net
