// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <span>

#include <wring/core/buffer_lease.hpp>
#include <wring/core/error.hpp>
#include <wring/core/task.hpp>
#include <wring/net/descriptor.hpp>
#include <wring/net/files/pipe.hpp>

namespace wring::net::detail {

/// The input of a process as a stream to write to, whose end is that nobody reads it any more. It is read by one task,
/// which has ended when it is closed.
class child_input {
 public:
  /// `is_pipe`: its readers can be seen to leave. A terminal's cannot.
  child_input(pipe_writer& to, bool is_pipe, const error_address& name);

  [[nodiscard]] task<buffer_lease> read_some();
  [[nodiscard]] task<std::size_t> read(std::span<std::byte> into);
  [[nodiscard]] auto write_all(std::span<const std::byte> bytes) noexcept { return to_.write_all(bytes); }
  [[nodiscard]] auto write_all(std::span<const std::span<const std::byte>> parts) noexcept {
    return to_.write_all(parts);
  }
  [[nodiscard]] auto shut_down_write() noexcept { return to_.shut_down_write(); }
  [[nodiscard]] auto close() noexcept {
    watched_ = descriptor();
    return to_.close();
  }
  void abort() noexcept;
  [[nodiscard]] error_address peer_address() const noexcept { return name_; }

 private:
  pipe_writer& to_;
  descriptor watched_;  // of its own: the writer's may be closed while this is waited for
  error_address name_;
};

}  // namespace wring::net::detail
