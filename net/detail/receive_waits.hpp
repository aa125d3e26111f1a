// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <span>

#include <wring/core/awaiter.hpp>
#include <wring/core/detail/operand.hpp>
#include <wring/net/detail/stream_socket.hpp>

namespace wring::net::detail {

/// Waits for the next chunk.
class WRING_API read_some_wait final : receiver, public leaf<read_some_wait, buffer_lease> {
 public:
  explicit read_some_wait(stream_socket& s) noexcept : socket_(&s) {}

  bool ready() noexcept {
    busy_ = socket_->has_reader();
    if (!busy_ && socket_->has_bytes()) chunk_ = socket_->take();
    return busy_ || !chunk_.empty() || socket_->read_ended();
  }
  void suspend() noexcept { socket_->wait(*this); }
  void stop() noexcept override;
  buffer_lease resume() {
    if (chunk_.empty()) [[unlikely]]
      return resume_result().take();
    return std::move(chunk_);
  }
  wring::result<buffer_lease> resume_result() noexcept;
  void put_back(buffer_lease& chunk) noexcept { socket_->give_back(std::move(chunk)); }
  wait_description describe() const noexcept override;

 private:
  void received() noexcept override { complete(); }

  bool busy_ = false;  // in the padding of the base
  stream_socket* socket_;
};

/// Reads into the caller's memory.
class WRING_API read_wait final : receiver, public leaf<read_wait, std::size_t>, operation {
 public:
  read_wait(stream_socket& s, std::span<std::byte> into) noexcept;

  bool ready() noexcept;
  void suspend() noexcept;
  void stop() noexcept override;
  std::size_t resume() { return resume_result().value(); }
  wring::result<std::size_t> resume_result() noexcept;
  void put_back(std::size_t& count) noexcept {
    if (count != 0) socket_->give_back(buffer_lease::copy_of(into_.first(count)));
  }
  wait_description describe() const noexcept override;

 private:
  void received() noexcept override;
  void on_own_receive(completion c) noexcept;

  stream_socket* socket_;
  std::span<std::byte> into_;
  std::size_t count_ = 0;
  bool busy_ = false;
};

/// Waits until a socket is closed, or has nothing in flight and its descriptor can be taken.
class WRING_API close_wait final : public wring::detail::listed_wait<close_wait> {
 public:
  explicit close_wait(stream_socket* s, bool keep_descriptor = false) noexcept : socket_(s), keep_(keep_descriptor) {}

  bool ready() noexcept { return socket_ == nullptr || socket_->closed(); }
  void suspend() noexcept { socket_->close(keep_, this); }
  void stop() noexcept override {}
  void resume() noexcept {}
  wring::result<void> resume_result() noexcept { return {}; }
  void closed() noexcept { complete(); }
  wait_description describe() const noexcept override;
  static constexpr bool cancellable = false;

 private:
  stream_socket* socket_;
  bool keep_;
};

}  // namespace wring::net::detail
