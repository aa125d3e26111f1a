// SPDX-License-Identifier: MIT
#include <cerrno>
#include <utility>

#include <wring/net/address_connector.hpp>
#include <wring/net/detail/address_error.hpp>
#include <wring/net/ip_address.hpp>
#include <wring/net/socket_address.hpp>

namespace wring::net {

namespace {

constexpr const char* what = "connect to";

[[noreturn]] void refuse(const connect_target& target, const char* instead) {
  const error_address where = error_address::from_text(target.host);
  detail::raise_about(error::from_errno(EPROTONOSUPPORT, what).with_address(where).with_detail(instead), target.host);
}

}  // namespace

task<any_stream> address_connector::connect(connect_target target) const {
  switch (target.kind) {
    case connection_kind::tcp:
      break;
    case connection_kind::tls:
      refuse(target, "an address_connector makes no TLS connections: use a connector that does");
    case connection_kind::unix_path:
      refuse(target, "an address_connector makes TCP connections alone, none to unix sockets");
    default:
      refuse(target, "an address_connector makes TCP connections alone");
  }
  const auto ip = ip_address::parse(target.host);
  if (!ip) {
    detail::raise_about(
        detail::bad_address(target.host, "names need a resolver, and an address_connector has none: give an address",
                            what),
        target.host);
  }
  tcp_stream connected = co_await connect_tcp(socket_address(*ip, target.port), options_);
  co_return any_stream(std::move(connected));
}

}  // namespace wring::net
