// SPDX-License-Identifier: MIT
#include <wring/core/detail/exception_trace.hpp>
#include <wring/core/finally.hpp>
#include <wring/core/log.hpp>

namespace wring::detail {

void report_cleanup(const std::exception_ptr& failure, std::chrono::nanoseconds limit) noexcept {
  if (failure) {
    log::warn("a clean-up failed after its body had failed", {"error", described(failure)});
  } else {
    log::error("a clean-up took too long and was cancelled",
               {"limit_ms", std::chrono::duration_cast<std::chrono::milliseconds>(limit).count()});
  }
}

}  // namespace wring::detail
