// SPDX-License-Identifier: MIT
#include <cerrno>
#include <new>

#include <wring/net/detail/socket_accept_wait.hpp>
#include <wring/net/detail/socket_calls.hpp>
#include <wring/net/detail/stream_socket.hpp>

namespace wring::net::detail {

void socket_connection_wait::cancel() noexcept {
  socket_->cancel_wait(*this);
  confirm_cancel();
}

wring::result<std::optional<tcp_stream>> socket_connection_wait::take_connection() noexcept {
  if (connection_.socket.get() < 0) return std::optional<tcp_stream>();
  const socket_address peer = connection_.peer_address(socket_->engine());
  try {
    return std::optional<tcp_stream>(tcp_stream(new stream_socket(std::move(connection_.socket), peer)));
  } catch (const std::bad_alloc&) {
    connection_.socket = descriptor();
    return error::from_errno(ENOMEM, "accept a connection from").with_address(peer);
  }
}

void socket_connection_wait::give_back(tcp_stream& connection) noexcept {
  if (connection.socket_ == nullptr) return;
  const socket_address peer = connection.peer_address();
  // Nothing is in flight on it, so this is all of it.
  connection.socket_->close(true, nullptr);
  socket_->put_back({connection.socket_->take_descriptor(), peer});
}

error socket_connection_wait::closed_error() const noexcept {
  return error(errc::closed, "accept on").with_address(socket_->local());
}

wait_description socket_connection_wait::describe() const noexcept {
  return {.operation = "accept on", .fd = socket_->native(), .address = socket_->local()};
}

wring::result<tcp_stream> socket_accept_wait::take_result() noexcept {
  auto connection = take_connection();
  if (!connection) return connection.error();
  if (!*connection) return closed_error();
  return std::move(**connection);
}

}  // namespace wring::net::detail
