// SPDX-License-Identifier: MIT
#include <wring/core/detail/process/close_descriptor.hpp>
#include <wring/core/engine/kernel_engine.hpp>
#include <wring/core/scheduler.hpp>

namespace wring::detail {

void close_descriptor(int fd) noexcept {
  if (scheduler* const here = scheduler::try_current(); here != nullptr) {
    here->engine().close_descriptor(fd);
  } else {
    close_in_kernel(fd);
  }
}

}  // namespace wring::detail
