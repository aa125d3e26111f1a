// SPDX-License-Identifier: MIT
#include <stdexcept>
#include <utility>

#include <wring/net/callback/protocol.hpp>

namespace wring::net {

protocol::~protocol() = default;
half_closeable::~half_closeable() = default;
descriptor_receiver::~descriptor_receiver() = default;

half_closeable* protocol::half_closing() noexcept { return dynamic_cast<half_closeable*>(this); }

descriptor_receiver* protocol::receiving_descriptors() noexcept { return dynamic_cast<descriptor_receiver*>(this); }

net::transport& protocol::transport() const {
  if (transport_ == nullptr) throw std::logic_error("this protocol has no transport: it has not been connected yet");
  return *transport_;
}

void protocol::make_connection(std::shared_ptr<net::transport> t) {
  if (transport_ != nullptr) throw std::logic_error("a protocol is for one connection: make a new one for each");
  transport_ = std::move(t);
  connection_made();
}

}  // namespace wring::net
