// SPDX-License-Identifier: MIT
#pragma once

#include <wring/core/awaiter.hpp>

namespace wring::detail {

/// Ends at once and counts as one of the awaits that may do so: where there were enough of them, others run first. For
/// operations that are no leaves and end without an await of one.
class turn final : public leaf<turn, void> {
 public:
  bool ready() noexcept { return true; }
  void suspend() noexcept {}
  void cancel() noexcept override {}
  void take() noexcept {}
  wait_description describe() const noexcept override { return {.operation = "its turn"}; }
};

}  // namespace wring::detail
