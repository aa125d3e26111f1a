// SPDX-License-Identifier: MIT
#include <cerrno>

#include <wring/net/detail/address_error.hpp>
#include <wring/net/detail/connector_refusal.hpp>

namespace wring::net::detail {

void refuse(const connect_target& target, const char* instead) {
  const error_address where = error_address::from_text(target.host);
  raise_about(error::from_errno(EPROTONOSUPPORT, "connect to").with_address(where).with_detail(instead), target.host);
}

void require_tcp(const connect_target& target) {
  const char* instead = "this connector makes TCP connections alone";
  switch (target.kind) {
    case connection_kind::tcp:
      return;
    case connection_kind::tls:
      instead = "this connector makes no TLS connections: use one that does";
      break;
    case connection_kind::unix_path:
      instead = "this connector makes TCP connections alone: use a unix_connector";
      break;
    default:
      break;
  }
  refuse(target, instead);
}

}  // namespace wring::net::detail
