// SPDX-License-Identifier: MIT
#include <cerrno>
#include <memory>
#include <new>

#include <wring/net/detail/socket_accept_wait.hpp>

namespace wring::net::detail {

void socket_connection_wait::cancel() noexcept {
  socket_->cancel_wait(*this);
  confirm_cancel();
}

wring::result<stream_socket*> socket_connection_wait::take_connection() noexcept {
  if (connection_.socket.get() < 0) return nullptr;
  const socket_address peer = connection_.peer_address(socket_->engine());
  try {
    std::unique_ptr<descriptor_inbox> inbox = make_descriptor_inbox(socket_->descriptors());
    auto* const s = new stream_socket(std::move(connection_.socket), compact_address(peer));
    if (inbox != nullptr) s->receive_descriptors(std::move(inbox));
    return s;
  } catch (const std::bad_alloc&) {
    connection_.socket = descriptor();
    return error::from_errno(ENOMEM, "accept a connection from").with_address(peer);
  }
}

void socket_connection_wait::give_back(const socket_stream& connection) noexcept {
  stream_socket* const s = socket_access::socket_of(connection);
  if (s == nullptr) return;
  // Nothing is in flight on it, so this is all of it.
  s->close(true, nullptr);
  socket_->put_back({s->take_descriptor(), s->peer()});
}

error socket_connection_wait::closed_error() const noexcept {
  return error(errc::closed, "accept on").with_address(socket_->local());
}

wait_description socket_connection_wait::describe() const noexcept {
  return {.operation = "accept on", .fd = socket_->native(), .address = socket_->local()};
}

}  // namespace wring::net::detail
