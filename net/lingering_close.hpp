// SPDX-License-Identifier: MIT
#pragma once

#include <wring/core/detail/export.hpp>
#include <wring/core/task.hpp>
#include <wring/net/linger_options.hpp>
#include <wring/net/stream.hpp>

namespace wring::net {

/// Closes a stream whose peer may still be sending, so that what was written to it arrives. Tells the peer that nothing
/// more follows (`shut_down_write`), reads and drops what it sends until its own end or a limit, and then closes. A
/// plain `close` with bytes unread, or on their way, makes the kernel reset the connection, and a reset destroys what
/// the peer has received but not read yet: the answer to a request that was refused half way, for instance.
///
/// Returns whether the peer has ended its side, and so has received everything; false if a limit was reached or the
/// connection failed. Throws nothing for faults of the stream, which is closed in any case; the stream must outlive
/// this. Holds no buffer while it waits. If it is cancelled, the stream is left as it is, to be closed by its owner.
[[nodiscard]] WRING_API task<bool> lingering_close(stream_ref stream, linger_options options = {});

}  // namespace wring::net
