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

/// How a copy went. A copy whose source or sink fails throws nothing: look at `end`, or call `value()`.
struct [[nodiscard]] copy_outcome {
  std::uint64_t bytes = 0;  ///< what the sink has taken; of a write that failed, none counts
  copy_end end = copy_end::source_ended;
  std::optional<wring::error> error;  ///< the fault of the side that failed
  buffer_lease unwritten;             ///< read, and not in `bytes`: beyond the limit, or what the sink failed with

  /// Whether neither side failed.
  explicit operator bool() const noexcept { return !error; }
  /// How many bytes; throws the error if there is one, as error::raise() does.
  std::uint64_t value() const {
    if (error) error->raise();
    return bytes;
  }
};

/// Copies from a source to a sink until the source ends, `options.limit` bytes have been written, or one of the two
/// fails. Joins anything: a stream, a body, a file. Chunks are passed on as they come, so that no byte is copied in
/// memory, and one is held at a time: the sink's pace is the source's. Allocates nothing a chunk.
///
/// Neither side is ended or closed: say `shut_down_write()` to the sink if what was copied is all it gets. A failure of
/// the sink is noticed when there is something to write, not while the source has nothing.
///
/// When it is cancelled there is no outcome. If it was reading, nothing was taken from the source, and all before that
/// is in the sink. If it was writing, the chunk is lost: it was taken from the source, and the sink has all, none or,
/// poisoned then, a part of it. So after a cancelled copy close both, unless you know that the source had nothing.
///
/// Exceptions of a source or sink that are no io_error pass through.
[[nodiscard]] WRING_API task<copy_outcome> copy(byte_source_ref from, byte_sink_ref to, copy_options options = {});

}  // namespace wring::net
