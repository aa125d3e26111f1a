// SPDX-License-Identifier: MIT
#include <wring/net/detail/socket_close_wait.hpp>

namespace wring::net::detail {

wait_description socket_close_wait::describe() const noexcept {
  if (socket_ == nullptr) return {.operation = "close"};
  return {.operation = "close connection to", .fd = socket_->native(), .address = socket_->peer()};
}

}  // namespace wring::net::detail
