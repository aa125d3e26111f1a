// SPDX-License-Identifier: MIT
#pragma once

#include <exception>

#include <wring/core/detail/flows/main_flow.hpp>

namespace wring {
struct run_options;
}

namespace wring::detail {

/// Runs the main task that `factory` makes to its end, and returns its exit code: 1, reported to standard error, if an
/// exception escaped. Throws what making it throws.
[[nodiscard]] int run_to_end(const run_options& options, scheduler& s, main_factory& factory);

}  // namespace wring::detail
