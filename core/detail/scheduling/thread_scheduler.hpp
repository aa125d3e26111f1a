// SPDX-License-Identifier: MIT
#pragma once

#include <wring/core/detail/export.hpp>

namespace wring {
class scheduler;
}

namespace wring::detail {

/// The scheduler that lives on this thread.
WRING_API extern constinit thread_local scheduler* thread_scheduler __attribute__((tls_model("initial-exec")));

}  // namespace wring::detail
