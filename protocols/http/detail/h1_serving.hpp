// SPDX-License-Identifier: MIT
#pragma once

#include <wring/core/detail/export.hpp>
#include <wring/core/task.hpp>
#include <wring/protocols/http/detail/connection.hpp>

namespace wring::http::detail {

/// Speaks HTTP/1 on a connection until one side ends it: one request after the other, each answered before the next
/// one's head is parsed. The stream is closed then.
[[nodiscard]] WRING_API task<> serve_h1(connection& c);

}  // namespace wring::http::detail
