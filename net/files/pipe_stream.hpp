// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <utility>

#include <wring/net/files/pipe.hpp>

namespace wring::net {

/// Two pipes as one stream: what is read comes from the one, what is written goes to the other. For protocols that are
/// spoken with a `process` over its standard streams, or with whoever has started this one:
///
///     net::pipe_stream peer(net::standard_input(), net::standard_output());
///
/// See `stream`. An abort is no fault for the peer, which sees the end; it cannot be watched. Movable.
class pipe_stream {
 public:
  /// A closed one.
  pipe_stream() noexcept = default;
  pipe_stream(pipe_reader in, pipe_writer out) noexcept : in_(std::move(in)), out_(std::move(out)) {}

  [[nodiscard]] auto read_some() noexcept { return in_.read_some(); }
  [[nodiscard]] auto read(std::span<std::byte> into) noexcept { return in_.read(into); }
  [[nodiscard]] auto write_all(std::span<const std::byte> bytes) noexcept { return out_.write_all(bytes); }
  [[nodiscard]] auto write_all(std::span<const std::span<const std::byte>> parts) noexcept {
    return out_.write_all(parts);
  }
  [[nodiscard]] auto write_all(std::string_view text) noexcept { return out_.write_all(text); }
  [[nodiscard]] auto shut_down_write() noexcept { return out_.shut_down_write(); }
  [[nodiscard]] auto close() noexcept {
    return detail::pipe_close_wait(detail::pipe_ends::state_of(in_), detail::pipe_ends::state_of(out_));
  }
  void abort() noexcept {
    for (auto* const end : {detail::pipe_ends::state_of(in_), detail::pipe_ends::state_of(out_)}) {
      if (end != nullptr) static_cast<void>(end->close());
    }
  }

  [[nodiscard]] pipe_reader& reader() noexcept { return in_; }
  [[nodiscard]] pipe_writer& writer() noexcept { return out_; }

 private:
  pipe_reader in_;
  pipe_writer out_;
};

}  // namespace wring::net
