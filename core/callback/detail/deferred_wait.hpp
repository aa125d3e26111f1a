// SPDX-License-Identifier: MIT
#pragma once

#include <exception>
#include <utility>

#include <wring/core/awaiter.hpp>
#include <wring/core/callback/detail/deferred_core.hpp>

namespace wring::detail {

/// A task's wait for the end of a chain, whatever its type. When the task is cancelled, it cancels the deferred and
/// continues to wait: the deferred's outcome decides how the wait ends.
class WRING_API any_deferred_wait : public awaiter {
 public:
  bool begin_await(flow& f);
  wait_description describe() const noexcept override { return {.operation = "deferred"}; }

  /// The task was asked again to end: cancels what the deferred waits for now.
  void cancel_again() noexcept;

 protected:
  explicit any_deferred_wait(core_ref chain) noexcept;
  ~any_deferred_wait();

  /// The settled chain. Throws its failure.
  deferred_core& outcome();

 private:
  struct arrival final : deferred_link {
    explicit arrival(any_deferred_wait& w) noexcept;
    any_deferred_wait& wait;
  };

  void cancel() noexcept override;
  bool restart() noexcept override;
  bool attach(flow& f, state as) noexcept;
  void queue_cancel() noexcept;
  bool settle_in_turn() noexcept;
  void arrived() noexcept;
  [[nodiscard]] bool confirms_cancel() noexcept;

  core_ref chain_;
  arrival arrival_{*this};
  std::exception_ptr thrown_by_canceller_;
  bool begun_ = false;
  bool has_arrived_ = false;
  bool asked_ = false;          // cancel() was called
  bool cancel_queued_ = false;  // the flow is in the ready queue for no other reason
};

template <class T>
class deferred_wait final : public any_deferred_wait {
 public:
  using value_type = T;

  template <class Deferred>
  explicit deferred_wait(Deferred&& d) : any_deferred_wait(core_ref(std::forward<Deferred>(d).pass_on_as())) {}

  T take() { return outcome().template take_value<T>(); }
};

}  // namespace wring::detail
