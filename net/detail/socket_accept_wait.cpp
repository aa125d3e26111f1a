// SPDX-License-Identifier: MIT
#include <utility>

#include <wring/net/detail/handed_connection.hpp>
#include <wring/net/detail/socket_accept_wait.hpp>

namespace wring::net::detail {

void socket_connection_wait::cancel() noexcept {
  socket_->cancel_wait(*this);
  confirm_cancel();
}

wring::result<stream_socket*> socket_connection_wait::take_connection() noexcept {
  if (connection_.socket.get() < 0) return nullptr;
  return attach(std::move(connection_), socket_->descriptors());
}

void socket_connection_wait::give_back(const socket_stream& connection) noexcept {
  socket_->put_back(detach(connection));
}

error socket_connection_wait::closed_error() const noexcept {
  return error(errc::closed, "accept on").with_address(socket_->local());
}

wait_description socket_connection_wait::describe() const noexcept {
  return {.operation = "accept on", .fd = socket_->native(), .address = socket_->local()};
}

}  // namespace wring::net::detail
