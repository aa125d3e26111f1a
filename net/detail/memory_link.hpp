// SPDX-License-Identifier: MIT
#pragma once

#include <cerrno>

#include <wring/net/detail/memory_pipe.hpp>

namespace wring::net::detail {

/// A connection of two memory streams.
struct memory_link {
  /// The pipe that side 0 reads, and that of side 1.
  memory_link(const memory_pipe_options& first, const memory_pipe_options& second)
      : pipes{memory_pipe(first), memory_pipe(second)} {}

  /// Closes a side: what the other one writes fails with `error_number` from then on.
  void close(unsigned side, int error_number = EPIPE) noexcept {
    if (pipes[side].reading_closed()) return;
    pipes[side].close_reading(error_number);
    pipes[1 - side].close_writing();
  }

  memory_pipe pipes[2];
};

}  // namespace wring::net::detail
