// SPDX-License-Identifier: MIT
#pragma once

#include <utility>

#include <wring/core/detail/export.hpp>
#include <wring/core/result.hpp>
#include <wring/net/detail/accept_socket.hpp>
#include <wring/net/detail/stream_socket.hpp>
#include <wring/net/socket_stream.hpp>

namespace wring::net::detail {

/// What another scheduler needs of a connection that was accepted, and of which nothing has been read or written.
class handed_connection {
 public:
  explicit handed_connection(accepted_connection&& c) noexcept : connection_(std::move(c)) {}
  [[nodiscard]] accepted_connection take() noexcept { return std::move(connection_); }

 private:
  accepted_connection connection_;
};

/// Takes it from its stream, which is closed then.
[[nodiscard]] WRING_API accepted_connection detach(const socket_stream& connection) noexcept;

/// Makes it a stream's socket on this scheduler, which keeps `descriptors` that it receives. ENOMEM if there is no
/// memory for it; it is closed then.
[[nodiscard]] WRING_API wring::result<stream_socket*> attach(accepted_connection connection,
                                                             unsigned descriptors) noexcept;

}  // namespace wring::net::detail
