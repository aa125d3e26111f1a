// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <span>

#include <wring/core/awaiter.hpp>
#include <wring/core/detail/awaiting/operand.hpp>
#include <wring/net/detail/receive_side.hpp>

namespace wring::net::detail {

/// Waits for the next chunk.
class WRING_API socket_read_some_wait final : socket_receive_wait, public leaf<socket_read_some_wait, buffer_lease> {
 public:
  explicit socket_read_some_wait(receive_side& s) noexcept : socket_(&s) {}

  bool ready() noexcept {
    busy_ = socket_->has_reader();
    if (!busy_ && socket_->has_bytes()) chunk_ = socket_->pop();
    return busy_ || !chunk_.empty() || socket_->read_ended();
  }
  void suspend() noexcept { socket_->wait(*this); }
  void cancel() noexcept override;
  buffer_lease take() {
    if (chunk_.empty()) [[unlikely]]
      return take_result().take();
    return std::move(chunk_);
  }
  wring::result<buffer_lease> take_result() noexcept;
  void put_back(buffer_lease& chunk) noexcept { socket_->give_back(std::move(chunk)); }
  wait_description describe() const noexcept override;

 private:
  void received() noexcept override { complete(); }

  bool busy_ = false;  // in the padding of the base
  receive_side* socket_;
};

/// Reads into the caller's memory.
class WRING_API socket_read_wait final : socket_receive_wait, public leaf<socket_read_wait, std::size_t>, operation {
 public:
  socket_read_wait(receive_side& s, std::span<std::byte> into) noexcept;

  bool ready() noexcept;
  void suspend() noexcept;
  void cancel() noexcept override;
  std::size_t take() { return take_result().value(); }
  wring::result<std::size_t> take_result() noexcept;
  void put_back(std::size_t& count) noexcept {
    if (count != 0) socket_->give_back(buffer_lease::copy_of(into_.first(count)));
  }
  wait_description describe() const noexcept override;

 private:
  void received() noexcept override;
  void on_own_receive(completion c) noexcept;

  receive_side* socket_;
  std::span<std::byte> into_;
  std::size_t count_ = 0;
  bool busy_ = false;
};

}  // namespace wring::net::detail
