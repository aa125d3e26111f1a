// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <type_traits>

#include <wring/core/detail/export.hpp>
#include <wring/core/duration.hpp>
#include <wring/core/task.hpp>
#include <wring/net/byte_sink.hpp>
#include <wring/net/byte_source.hpp>
#include <wring/net/copy_outcome.hpp>

namespace wring::net {

struct copy_options {
  std::uint64_t limit = unlimited;  ///< bytes after which the copy ends; none are read for zero
};
static_assert(std::is_trivially_destructible_v<copy_options>);

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
