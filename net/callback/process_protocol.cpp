// SPDX-License-Identifier: MIT
#include <stdexcept>
#include <utility>

#include <wring/net/callback/process_protocol.hpp>

namespace wring::net {

process_protocol::~process_protocol() = default;

process_transport& process_protocol::transport() const {
  if (transport_ == nullptr) throw std::logic_error("this protocol has no transport: its process does not run yet");
  return *transport_;
}

void process_protocol::make_connection(std::shared_ptr<process_transport> t) {
  if (transport_ != nullptr) throw std::logic_error("a process_protocol is for one process: make a new one for each");
  transport_ = std::move(t);
  connection_made();
}

}  // namespace wring::net
