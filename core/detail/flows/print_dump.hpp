// SPDX-License-Identifier: MIT
#pragma once

namespace wring {
class scheduler;
}

namespace wring::detail {

/// Prints `dump_tasks(of)` to standard error. Defined with dump_tasks, which knows the scheduler, which must not know
/// it.
void print_dump(scheduler& of) noexcept;

}  // namespace wring::detail
