// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

#include <wring/core/awaiter.hpp>
#include <wring/core/detail/awaiting/operand.hpp>
#include <wring/core/detail/awaiting/wait_list.hpp>
#include <wring/net/detail/outbox_queue.hpp>

namespace wring::net::detail {

/// Waits until little enough is left in an outbox.
class outbox_drained_wait final : public leaf<outbox_drained_wait, void>, outbox_queue::listener {
 public:
  outbox_drained_wait(outbox_queue& q, std::size_t most) noexcept : listener(most), queue_(q) {}

  bool ready() noexcept { return queue_.fault().has_value() || queue_.unsent() <= at_most; }
  void suspend() noexcept { queue_.listen(*this); }
  void cancel() noexcept override {
    queue_.forget(*this);
    confirm_cancel();
  }
  void take() const { take_result().value(); }
  wring::result<void> take_result() const noexcept {
    if (queue_.fault()) return *queue_.fault();
    return {};
  }
  wait_description describe() const noexcept override { return queue_.describe("send what was posted to"); }

 private:
  void drained() noexcept override { complete(); }

  outbox_queue& queue_;
};

}  // namespace wring::net::detail
