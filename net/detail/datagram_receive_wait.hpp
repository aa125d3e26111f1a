// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <utility>

#include <wring/core/awaiter.hpp>
#include <wring/core/detail/awaiting/operand.hpp>
#include <wring/net/detail/datagram_socket.hpp>

namespace wring::net::detail {

/// Waits for a datagram.
class WRING_API next_datagram_wait : received_datagram_wait, public leaf<next_datagram_wait, void> {
 public:
  bool ready() noexcept { return socket_->try_receive(*this); }
  void suspend() noexcept { socket_->wait(*this); }
  void cancel() noexcept override;
  void take() noexcept {}
  wait_description describe() const noexcept override;

 protected:
  explicit next_datagram_wait(datagram_socket& s) noexcept : socket_(&s) {}
  ~next_datagram_wait() = default;
  [[nodiscard]] bool received() const noexcept { return received_; }
  [[nodiscard]] datagram&& received_datagram() noexcept { return std::move(datagram_); }
  /// Why there is none; none if the socket is closed.
  [[nodiscard]] wring::result<void> fault() const noexcept;
  [[nodiscard]] error closed_error() const noexcept;
  void give_back(datagram& d) noexcept { socket_->put_back(std::move(d)); }

 private:
  void ended() noexcept override { complete(); }

  datagram_socket* socket_;
};

class WRING_API datagram_receive_wait final : public next_datagram_wait {
 public:
  using value_type = datagram;
  explicit datagram_receive_wait(datagram_socket& s) noexcept : next_datagram_wait(s) {}
  [[nodiscard]] auto result() && noexcept { return wring::detail::as_result<datagram_receive_wait>(*this); }
  datagram take() {
    if (!received()) [[unlikely]]
      return take_result().take();
    return received_datagram();
  }
  wring::result<datagram> take_result() noexcept;
  void put_back(datagram& d) noexcept { give_back(d); }
};

class WRING_API datagram_sequence_wait final : public next_datagram_wait {
 public:
  using value_type = std::optional<datagram>;
  explicit datagram_sequence_wait(datagram_socket& s) noexcept : next_datagram_wait(s) {}
  [[nodiscard]] auto result() && noexcept { return wring::detail::as_result<datagram_sequence_wait>(*this); }
  std::optional<datagram> take() {
    if (!received()) [[unlikely]]
      return take_result().take();
    return std::optional<datagram>(received_datagram());
  }
  wring::result<std::optional<datagram>> take_result() noexcept;
  void put_back(std::optional<datagram>& d) noexcept {
    if (d) give_back(*d);
  }
};

/// Takes what has been received already.
class WRING_API datagram_try_receive final : received_datagram_wait {
 public:
  /// None if there is nothing, while tasks wait, and once the socket is closed.
  [[nodiscard]] static std::optional<datagram> from(datagram_socket& s) noexcept;

 private:
  void ended() noexcept override {}
};

}  // namespace wring::net::detail
