// SPDX-License-Identifier: MIT
#include <wring/net/tls/tls_listener.hpp>

namespace wring::net {

task<tls_listener<tcp_listener>> listen_tls(tls::server_context context, tcp_listen_options options) {
  tcp_listener plain = co_await listen_tcp(options);
  co_return tls_listener<tcp_listener>(std::move(plain), std::move(context));
}

}  // namespace wring::net
