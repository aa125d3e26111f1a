// SPDX-License-Identifier: MIT
#include <wring/core/sim/run_failed.hpp>

namespace wring::sim {

run_failed::~run_failed() = default;
deadlock::~deadlock() = default;
not_deterministic::~not_deterministic() = default;

}  // namespace wring::sim
