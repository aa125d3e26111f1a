// SPDX-License-Identifier: MIT
#include <utility>

#include <wring/net/detail/connector_refusal.hpp>
#include <wring/net/unix_connector.hpp>

namespace wring::net {

task<any_stream> unix_connector::connect(connect_target target) const {
  const bool to_server = !server_.empty() && target.kind == connection_kind::tcp;
  if (!to_server && target.kind != connection_kind::unix_path) {
    detail::refuse(target, "this connector makes connections to unix sockets alone");
  }
  const socket_address peer = to_server ? server_ : socket_address::from_path(target.host);
  unix_stream connected = co_await connect_unix(peer, options_);
  co_return any_stream(std::move(connected));
}

}  // namespace wring::net
