// SPDX-License-Identifier: MIT
#pragma once

#include <optional>

#include <wring/core/detail/awaiting/operand.hpp>
#include <wring/net/detail/accept_socket.hpp>
#include <wring/net/tcp_stream.hpp>

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
  /// The connection; none if no more will come. Refuses it, with ENOMEM, if there is no memory for it.
  [[nodiscard]] wring::result<std::optional<tcp_stream>> take_connection() noexcept;
  [[nodiscard]] error closed_error() const noexcept;
  /// The connection was not delivered.
  void give_back(tcp_stream& connection) noexcept;

 private:
  void accepted() noexcept override { complete(); }

  accept_socket* socket_;
};

class WRING_API socket_accept_wait final : public socket_connection_wait {
 public:
  using value_type = tcp_stream;
  explicit socket_accept_wait(accept_socket& s) noexcept : socket_connection_wait(s) {}
  [[nodiscard]] auto result() && noexcept { return wring::detail::as_result<socket_accept_wait>(*this); }
  tcp_stream take() { return take_result().take(); }
  wring::result<tcp_stream> take_result() noexcept;
  void put_back(tcp_stream& connection) noexcept { give_back(connection); }
};

class WRING_API socket_next_wait final : public socket_connection_wait {
 public:
  using value_type = std::optional<tcp_stream>;
  explicit socket_next_wait(accept_socket& s) noexcept : socket_connection_wait(s) {}
  [[nodiscard]] auto result() && noexcept { return wring::detail::as_result<socket_next_wait>(*this); }
  std::optional<tcp_stream> take() { return take_connection().take(); }
  wring::result<std::optional<tcp_stream>> take_result() noexcept { return take_connection(); }
  void put_back(std::optional<tcp_stream>& connection) noexcept {
    if (connection) give_back(*connection);
  }
};

}  // namespace wring::net::detail
