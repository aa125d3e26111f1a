// SPDX-License-Identifier: MIT
#pragma once

#include <wring/core/awaiter.hpp>
#include <wring/core/detail/operand.hpp>
#include <wring/core/result.hpp>

namespace wring::net {
class memory_stream;
}

namespace wring::net::detail {

/// Closes a memory stream, at once.
class WRING_API memory_close_wait final : public leaf<memory_close_wait, void> {
 public:
  explicit memory_close_wait(memory_stream& s) noexcept : stream_(&s) {}

  bool ready() noexcept;
  void suspend() noexcept {}
  void cancel() noexcept override {}
  void take() noexcept {}
  wring::result<void> take_result() noexcept { return {}; }
  wait_description describe() const noexcept override { return {.operation = "close a memory stream"}; }
  static constexpr bool cancellable = false;

 private:
  memory_stream* stream_;
};

}  // namespace wring::net::detail
