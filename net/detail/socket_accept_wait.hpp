// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <utility>

#include <wring/core/detail/awaiting/operand.hpp>
#include <wring/net/detail/accept_socket.hpp>
#include <wring/net/detail/stream_socket.hpp>
#include <wring/net/socket_stream.hpp>

namespace wring::net::detail {

/// Waits for a connection.
class WRING_API socket_connection_wait : accepted_wait, public leaf<socket_connection_wait, void> {
 public:
  bool ready() noexcept { return socket_->try_accept(*this); }
  void suspend() noexcept { socket_->wait(*this); }
  void cancel() noexcept override;
  void take() noexcept {}
  wait_description describe() const noexcept override;

 protected:
  explicit socket_connection_wait(accept_socket& s) noexcept : socket_(&s) {}
  ~socket_connection_wait() = default;
  /// The connection; null if no more will come. Refuses it, with ENOMEM, if there is no memory for it.
  [[nodiscard]] wring::result<stream_socket*> take_connection() noexcept;
  [[nodiscard]] error closed_error() const noexcept;
  /// The connection was not delivered.
  void give_back(const socket_stream& connection) noexcept;

 private:
  void accepted() noexcept override { complete(); }

  accept_socket* socket_;
};

template <class Stream>
class socket_accept_wait final : public socket_connection_wait {
 public:
  using value_type = Stream;
  explicit socket_accept_wait(accept_socket& s) noexcept : socket_connection_wait(s) {}
  [[nodiscard]] auto result() && noexcept { return wring::detail::as_result<socket_accept_wait>(*this); }
  Stream take() { return take_result().take(); }
  wring::result<Stream> take_result() noexcept {
    const auto connection = take_connection();
    if (!connection) return connection.error();
    if (*connection == nullptr) return closed_error();
    return socket_access::make<Stream>(*connection);
  }
  void put_back(Stream& connection) noexcept { give_back(connection); }
};

template <class Stream>
class socket_next_wait final : public socket_connection_wait {
 public:
  using value_type = std::optional<Stream>;
  explicit socket_next_wait(accept_socket& s) noexcept : socket_connection_wait(s) {}
  [[nodiscard]] auto result() && noexcept { return wring::detail::as_result<socket_next_wait>(*this); }
  std::optional<Stream> take() { return take_result().take(); }
  wring::result<std::optional<Stream>> take_result() noexcept {
    const auto connection = take_connection();
    if (!connection) return connection.error();
    if (*connection == nullptr) return std::optional<Stream>();
    return std::optional<Stream>(socket_access::make<Stream>(*connection));
  }
  void put_back(std::optional<Stream>& connection) noexcept {
    if (connection) give_back(*connection);
  }
};

}  // namespace wring::net::detail
