// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <type_traits>

#include <wring/core/buffer_lease.hpp>
#include <wring/core/detail/export.hpp>
#include <wring/core/duration.hpp>
#include <wring/core/error.hpp>
#include <wring/core/task.hpp>
#include <wring/net/byte_sink.hpp>
#include <wring/net/byte_source.hpp>

namespace wring::net {

struct copy_options {
  std::uint64_t limit = unlimited;  ///< bytes after which the copy ends; none are read for zero
};
static_assert(std::is_trivially_destructible_v<copy_options>);

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

/// Copies from a source to a sink until the source ends, `options.limit` bytes have been written, or one of the two
/// fails. Connects streams, bodies and files. Chunks are passed on as they arrive, without copying bytes in memory, and
/// one is held at a time: the source is read at the sink's pace. Allocates nothing per chunk.
///
/// Neither side is ended or closed: call `shut_down_write()` on the sink if the copied bytes are all. A failure of the
/// sink is noticed at the next write, not while the source has nothing.
///
/// A cancelled copy has no outcome. If it was reading, nothing was taken from the source, and everything before is in
/// the sink. If it was writing, the chunk is lost: it was taken from the source, and the sink has all, none or a part
/// of it (and is poisoned then). So close both after a cancelled copy, unless you know that the source had nothing.
///
/// Exceptions of a source or sink other than io_error propagate.
[[nodiscard]] WRING_API task<copy_outcome> copy(byte_source_ref from, byte_sink_ref to, copy_options options = {});

}  // namespace wring::net
