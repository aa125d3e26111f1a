// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>

#include <wring/core/detail/awaiting/operand.hpp>
#include <wring/net/detail/socket_send_wait.hpp>

namespace wring::net::detail {

/// Sends bytes of an open file that are in memory, see engine::attempt_send_file, and returns how many: fewer than were
/// asked for where the file ends or fails, which a read of it then tells. Otherwise as a write.
class WRING_API socket_file_wait final : public leaf<socket_file_wait, std::uint64_t, socket_send_wait> {
 public:
  /// The descriptor `from` must stay open until this has ended.
  socket_file_wait(send_side& s, int from, std::uint64_t at, std::uint64_t size) noexcept
      : leaf(s), file_(from), begin_(at), at_(at), end_(at + size) {}

  bool ready() noexcept { return refused() || at_ == end_ || (socket_->idle_to_send() && attempted(attempt())); }
  std::uint64_t take() const {
    socket_send_wait::take();
    return at_ - begin_;
  }
  wring::result<std::uint64_t> take_result() const noexcept;

 private:
  std::int32_t attempt() noexcept override;
  bool advance(std::size_t sent) noexcept override {
    at_ += sent;
    return at_ != end_ && sent != 0;
  }

  int file_;
  std::uint64_t begin_;
  std::uint64_t at_;
  std::uint64_t end_;
};

}  // namespace wring::net::detail
