// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>

#include <wring/core/buffer_lease.hpp>
#include <wring/core/error.hpp>

namespace wring::net {

/// What ended a copy.
enum class copy_end : std::uint8_t {
  source_ended,   ///< all that there was has been written
  limit_reached,  ///< just so many bytes have been written; whether there are more is not known
  source_failed,  ///< all that came before the fault has been written
  sink_failed,    ///< of what was read, the last chunk has not been written, or not all of it
};

/// The outcome of a copy. A copy whose source or sink fails throws nothing: check `end`, or call `value()`.
struct [[nodiscard]] copy_outcome {
  std::uint64_t bytes = 0;  ///< what the sink has taken; of a write that failed, none counts
  copy_end end = copy_end::source_ended;
  std::optional<wring::error> error;  ///< the fault of the side that failed
  buffer_lease unwritten;             ///< read, and not in `bytes`: beyond the limit, or what the sink failed with

  /// Whether neither side failed.
  explicit operator bool() const noexcept { return !error; }
  /// The number of bytes; throws the error if there is one, as error::raise() does.
  std::uint64_t value() const {
    if (error) error->raise();
    return bytes;
  }
};

}  // namespace wring::net
