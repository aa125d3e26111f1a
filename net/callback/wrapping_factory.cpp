// SPDX-License-Identifier: MIT
#include <stdexcept>
#include <utility>

#include <wring/net/callback/wrapping_factory.hpp>

namespace wring::net {

wrapping_factory::wrapping_factory(std::shared_ptr<factory> wrapped)
    : wrapped_(std::move(wrapped)), client_(dynamic_cast<client_factory*>(wrapped_.get())) {
  if (wrapped_ == nullptr) throw std::invalid_argument("a wrapping_factory needs a factory to wrap");
  transport = wrapped_->transport;
}
wrapping_factory::~wrapping_factory() = default;

std::shared_ptr<protocol> wrapping_factory::build_protocol(const socket_address& peer) {
  std::shared_ptr<protocol> made = wrapped_->build_protocol(peer);
  if (made == nullptr) return nullptr;
  return wrap(std::move(made), peer);
}

void wrapping_factory::started_connecting(client_connector& c) {
  if (client_ != nullptr) client_->started_connecting(c);
}

void wrapping_factory::client_connection_failed(client_connector& c, const failure& reason) {
  if (client_ != nullptr) client_->client_connection_failed(c, reason);
}

void wrapping_factory::client_connection_lost(client_connector& c, const failure& reason) {
  if (client_ != nullptr) client_->client_connection_lost(c, reason);
}

}  // namespace wring::net
