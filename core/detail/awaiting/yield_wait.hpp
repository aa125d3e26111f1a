// SPDX-License-Identifier: MIT
#pragma once

#include <wring/core/detail/flows/flow.hpp>

namespace wring::detail {

/// No leaf, since there is nothing to wait for: the task is in the ready queue again when it suspends.
class yield_wait {
 public:
  using value_type = void;
  bool begin_await(flow& f) noexcept {
    if (f.cancelled()) [[unlikely]] {
      f.request_unwind();
    } else {
      f.enqueue();
    }
    return false;
  }
  void take() const noexcept {}
};

}  // namespace wring::detail
