// SPDX-License-Identifier: MIT
#include <stdexcept>
#include <utility>

#include <wring/net/callback/protocol_wrapper.hpp>
#include <wring/net/callback/transport_wrapper.hpp>

namespace wring::net {

transport_wrapper::~transport_wrapper() = default;

protocol_wrapper::protocol_wrapper(std::shared_ptr<protocol> wrapped) : wrapped_(std::move(wrapped)) {
  if (wrapped_ == nullptr) throw std::invalid_argument("a protocol_wrapper needs a protocol to wrap");
}
protocol_wrapper::~protocol_wrapper() = default;

void protocol_wrapper::connection_made() {
  std::shared_ptr<net::transport> given = wrap_transport(shared_transport());
  const net::transport* const own = given.get();
  try {
    wrapped_->make_connection(std::move(given));
  } catch (...) {
    // It may be another connection's, which has told it already.
    made_ = &wrapped_->transport() == own;
    throw;
  }
  made_ = true;
}

void protocol_wrapper::connection_lost(const failure& reason) {
  if (made_) wrapped_->connection_lost(reason);
}

half_closeable* protocol_wrapper::half_closing() noexcept {
  return wrapped_->half_closing() != nullptr ? this : nullptr;
}

void protocol_wrapper::read_connection_lost() {
  if (half_closeable* const half = wrapped_->half_closing(); half != nullptr) half->read_connection_lost();
}

void protocol_wrapper::write_connection_lost() {
  if (half_closeable* const half = wrapped_->half_closing(); half != nullptr) half->write_connection_lost();
}

std::shared_ptr<net::transport> protocol_wrapper::wrap_transport(std::shared_ptr<net::transport> t) { return t; }

}  // namespace wring::net
