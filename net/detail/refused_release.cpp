// SPDX-License-Identifier: MIT
#include <cerrno>

#include <wring/net/detail/refused_release.hpp>

namespace wring::net::detail {

task<released_connection> refused_release(error_address peer, const char* reason) {
  const error refused = error::from_errno(EOPNOTSUPP, "release").with_address(peer).with_detail(reason);
  refused.raise();
  co_return released_connection();
}

}  // namespace wring::net::detail
