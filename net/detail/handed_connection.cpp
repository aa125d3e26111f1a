// SPDX-License-Identifier: MIT
#include <cerrno>
#include <memory>
#include <new>
#include <utility>

#include <wring/net/detail/descriptor_inbox.hpp>
#include <wring/net/detail/handed_connection.hpp>

namespace wring::net::detail {

accepted_connection detach(const socket_stream& connection) noexcept {
  stream_socket* const s = socket_access::socket_of(connection);
  if (s == nullptr) return {};
  s->close(true, nullptr);  // at once, since nothing is in flight
  return {s->take_descriptor(), s->peer()};
}

wring::result<stream_socket*> attach(accepted_connection connection, unsigned descriptors) noexcept {
  const socket_address peer = connection.peer_address(scheduler::current().engine());
  try {
    std::unique_ptr<descriptor_inbox> inbox = make_descriptor_inbox(descriptors);
    auto* const s = new stream_socket(std::move(connection.socket), compact_address(peer));
    if (inbox != nullptr) s->receive_descriptors(std::move(inbox));
    return s;
  } catch (const std::bad_alloc&) {
    return error::from_errno(ENOMEM, "accept a connection from").with_address(peer);
  }
}

}  // namespace wring::net::detail
