// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include <wring/core/awaiter.hpp>
#include <wring/core/buffer_lease.hpp>
#include <wring/core/detail/awaiting/operand.hpp>
#include <wring/core/result.hpp>
#include <wring/net/detail/memory_pipe.hpp>

namespace wring::net::detail {

/// Reads from a memory_pipe, a lease or into a span.
template <class T>
class WRING_API memory_read_wait final : public leaf<memory_read_wait<T>, T>, memory_reader {
 public:
  explicit memory_read_wait(memory_pipe* p, std::span<std::byte> into = {}) noexcept : pipe_(p), into_(into) {}

  bool ready() noexcept;
  void suspend() noexcept;
  void cancel() noexcept override;
  T take() { return outcome_->take(); }
  wring::result<T> take_result() noexcept { return std::move(*outcome_); }
  /// Without a wait: what is there, of which there must be something. Empty if there is no memory for it.
  T take_at_once() noexcept {
    const bool there = attempt();
    pipe_->settle();
    return there && *outcome_ ? std::move(**outcome_) : T();
  }
  void put_back(T& taken) noexcept;
  wait_description describe() const noexcept override { return {.operation = "read from a memory stream"}; }

 private:
  void arrived() noexcept override;
  bool attempt() noexcept;

  memory_pipe* pipe_;
  std::span<std::byte> into_;
  std::optional<wring::result<T>> outcome_;
};

extern template class WRING_API memory_read_wait<buffer_lease>;
extern template class WRING_API memory_read_wait<std::size_t>;

}  // namespace wring::net::detail
