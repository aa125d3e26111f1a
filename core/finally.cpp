// SPDX-License-Identifier: MIT
#include <wring/core/detail/flows/described.hpp>
#include <wring/core/finally.hpp>
#include <wring/core/log.hpp>

namespace wring::detail {

void report_cleanup(const std::exception_ptr& failure, duration limit) noexcept {
  if (failure) {
    log::warn("a clean-up failed after its body had failed", {"error", described(failure)});
  } else {
    log::error("a clean-up took too long and was cancelled", {"limit_ms", limit.count() / 1'000'000});
  }
}

}  // namespace wring::detail
