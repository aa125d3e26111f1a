// SPDX-License-Identifier: MIT
#include <sys/socket.h>

#include <wring/net/detail/socket_shut_down_wait.hpp>

namespace wring::net::detail {

std::int32_t socket_shut_down_wait::attempt() noexcept {
  // ENOTCONN: the peer has reset the connection, which ends the stream as well.
  static_cast<void>(socket_->engine().shut_down_socket(socket_->native(), SHUT_WR));
  socket_->note_write_shut();
  return 0;
}

}  // namespace wring::net::detail
