// SPDX-License-Identifier: MIT
#include <string>

#include <wring/net/detail/connector_refusal.hpp>
#include <wring/net/tls/connect_tls.hpp>
#include <wring/net/tls/connector.hpp>

namespace wring::net::tls {

task<any_stream> connector::connect(connect_target target) const {
  if (target.kind == connection_kind::tls) {
    tls_stream secured = co_await connect_tls(std::string(target.host), target.port, context_, options_);
    co_return any_stream(std::move(secured));
  }
  if (target.kind != connection_kind::tcp) {
    net::detail::refuse(target, "this connector makes TCP and TLS connections alone: use a unix_connector");
  }
  tcp_stream connected = co_await connect_tcp(target.host, target.port, options_);
  co_return any_stream(std::move(connected));
}

}  // namespace wring::net::tls
