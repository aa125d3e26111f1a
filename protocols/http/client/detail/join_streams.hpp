// SPDX-License-Identifier: MIT
#pragma once

#include <wring/core/detail/export.hpp>
#include <wring/core/task.hpp>
#include <wring/net/stream.hpp>

namespace wring::http::detail {

/// Passes on what each of the two sends, and its end, until both have ended. If one fails, both are aborted.
[[nodiscard]] WRING_API task<> join_streams(net::stream_ref a, net::stream_ref b);

}  // namespace wring::http::detail
