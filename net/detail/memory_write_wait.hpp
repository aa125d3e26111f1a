// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <span>

#include <wring/core/awaiter.hpp>
#include <wring/core/detail/awaiting/operand.hpp>
#include <wring/core/result.hpp>
#include <wring/net/detail/memory_pipe.hpp>

namespace wring::net::detail {

/// Writes to a memory_pipe after the writers before it, and then, if it is to `shut`, ends the stream.
class WRING_API memory_write_wait final : public leaf<memory_write_wait, void>, public memory_writer {
 public:
  memory_write_wait(memory_pipe* p, std::span<const std::byte> first,
                    std::span<const std::span<const std::byte>> others, bool shut) noexcept
      : pipe_(p), first_(first), others_(others), shut_(shut) {}

  bool ready() noexcept;
  void suspend() noexcept;
  void cancel() noexcept override;
  void take() const { outcome_.value(); }
  wring::result<void> take_result() const noexcept { return outcome_; }
  wait_description describe() const noexcept override { return {.operation = "write to a memory stream"}; }

  bool advance() noexcept override;

 private:
  bool is_task() const noexcept override { return true; }
  void finish() noexcept override { complete(); }

  memory_pipe* pipe_;
  std::span<const std::byte> first_;
  std::span<const std::span<const std::byte>> others_;
  std::size_t written_ = 0;
  bool shut_;
  wring::result<void> outcome_;
};

}  // namespace wring::net::detail
