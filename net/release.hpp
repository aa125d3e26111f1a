// SPDX-License-Identifier: MIT
#pragma once

#include <wring/core/detail/export.hpp>
#include <wring/core/task.hpp>
#include <wring/net/released_connection.hpp>
#include <wring/net/stream.hpp>

namespace wring::net {

/// Releases a stream of which only its users know the type, as `tcp_stream` and `unix_stream` do themselves. Any other
/// fails with EOPNOTSUPP, and says why: TLS has state that stays on its thread, both ends of a stream in memory belong
/// to one, and what wraps a stream is not the stream.
[[nodiscard]] WRING_API task<released_connection> release(stream_ref stream);

}  // namespace wring::net
