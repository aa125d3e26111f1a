// SPDX-License-Identifier: MIT
#pragma once

#include <wring/core/awaiter.hpp>
#include <wring/core/detail/awaiting/operand.hpp>
#include <wring/core/result.hpp>
#include <wring/net/detail/memory_link.hpp>

namespace wring::net::detail {

/// Closes one side of a memory link, if there is one, at once.
class WRING_API memory_close_wait final : public leaf<memory_close_wait, void> {
 public:
  memory_close_wait(memory_link* link, unsigned side) noexcept : link_(link), side_(side) {}

  bool ready() noexcept {
    if (link_ != nullptr) link_->close(side_);
    return true;
  }
  void suspend() noexcept {}
  void cancel() noexcept override {}
  void take() noexcept {}
  wring::result<void> take_result() noexcept { return {}; }
  wait_description describe() const noexcept override { return {.operation = "close a memory stream"}; }
  static constexpr bool cancellable = false;

 private:
  memory_link* link_;
  unsigned side_;
};

}  // namespace wring::net::detail
