// SPDX-License-Identifier: MIT
#pragma once

#include <wring/core/detail/export.hpp>
#include <wring/core/task.hpp>
#include <wring/protocols/http/handler.hpp>

namespace wring::http {

/// Middleware that tells the client how long the handler has taken, and what it stands around: `Server-Timing:
/// total;dur=12.3`, in milliseconds, which browsers show. Of an answer that is written piece by piece it is a trailer.
///
///     routes.use(http::server_timing);
///
/// It tells attackers the same: for what must not depend on secrets, leave it out.
[[nodiscard]] WRING_API task<> server_timing(request& rq, response& rs, next inner);

}  // namespace wring::http
