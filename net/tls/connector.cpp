// SPDX-License-Identifier: MIT
#include <string>
#include <utility>

#include <wring/net/detail/connector_refusal.hpp>
#include <wring/net/tls/connect_tls.hpp>
#include <wring/net/tls/connector.hpp>
#include <wring/net/tls/handshake.hpp>

namespace wring::net::tls {

task<any_stream> connector::secure(any_stream plain, std::string host) const {
  tls_stream secured = co_await tls::connect(context_, std::move(plain), std::move(host));
  co_return any_stream(std::move(secured));
}

task<any_stream> connector::connect(connect_target target) const {
  if (through_) {
    if (target.kind != connection_kind::tls) co_return co_await through_->connect(target);
    const connect_target plain{.kind = connection_kind::tcp, .host = target.host, .port = target.port};
    any_stream stream = co_await through_->connect(plain);
    co_return co_await secure(std::move(stream), std::string(target.host));
  }
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
