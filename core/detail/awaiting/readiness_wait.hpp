// SPDX-License-Identifier: MIT
#pragma once

#include <wring/core/awaiter.hpp>
#include <wring/core/engine/engine.hpp>
#include <wring/core/result.hpp>

namespace wring::detail {

/// Waits until poll(2) would report one of `events`.
class WRING_API readiness_wait : public leaf<readiness_wait, unsigned>, operation {
 public:
  readiness_wait(int descriptor, unsigned events, const char* what) noexcept;

  bool ready() noexcept { return false; }
  void suspend() noexcept;
  void cancel() noexcept override;
  unsigned take() { return take_result().take(); }
  wring::result<unsigned> take_result() noexcept;
  wait_description describe() const noexcept override { return {.operation = what_, .fd = fd}; }

 private:
  void ended(int outcome) noexcept;

  const char* what_;
  int outcome_ = 0;
};

}  // namespace wring::detail
