// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <type_traits>
#include <utility>

#include <wring/core/duration.hpp>
#include <wring/net/stream.hpp>

namespace wring::testing {

/// What `check_stream` may expect of the streams it is given.
struct stream_check_options {
  /// The peer sees the end of the stream after shut_down_write, and can continue to write.
  bool half_close = true;
  /// The peer of an aborted stream sees an error, not the end of the stream.
  bool reports_abort = true;
  /// The most bytes that may be written one way without being read. Must be well above what the stream holds: that many
  /// are written to check that a writer has to wait.
  std::size_t most_held = std::size_t{64} * 1024 * 1024;
  /// How long one rule may take.
  duration patience = std::chrono::seconds(20);
};

/// Two connected streams.
using stream_pair = std::pair<net::any_stream, net::any_stream>;

}  // namespace wring::testing
