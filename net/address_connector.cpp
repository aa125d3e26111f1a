// SPDX-License-Identifier: MIT
#include <utility>

#include <wring/net/address_connector.hpp>
#include <wring/net/detail/address_error.hpp>
#include <wring/net/detail/connector_refusal.hpp>
#include <wring/net/ip_address.hpp>
#include <wring/net/socket_address.hpp>

namespace wring::net {

namespace {

constexpr const char* what = "connect to";

}  // namespace

task<any_stream> address_connector::connect(connect_target target) const {
  detail::require_tcp(target);
  const auto ip = ip_address::parse(target.host);
  if (!ip) {
    detail::raise_about(
        detail::bad_address(target.host, "an address_connector looks up no names: use a name_connector", what),
        target.host);
  }
  tcp_stream connected = co_await connect_tcp(socket_address(*ip, target.port), options_);
  co_return any_stream(std::move(connected));
}

}  // namespace wring::net
