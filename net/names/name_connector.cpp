// SPDX-License-Identifier: MIT
#include <utility>

#include <wring/net/detail/connector_refusal.hpp>
#include <wring/net/names/name_connector.hpp>

namespace wring::net {

task<any_stream> name_connector::connect(connect_target target) const {
  detail::require_tcp(target);
  tcp_stream connected = co_await connect_tcp(target.host, target.port, options_);
  co_return any_stream(std::move(connected));
}

}  // namespace wring::net
