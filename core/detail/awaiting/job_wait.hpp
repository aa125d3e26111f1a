// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

#include <wring/core/awaiter.hpp>
#include <wring/core/detail/awaiting/remote_end.hpp>
#include <wring/core/detail/flows/context.hpp>
#include <wring/core/detail/flows/outcome.hpp>
#include <wring/core/detail/process/pool_job.hpp>
#include <wring/core/error.hpp>
#include <wring/core/result.hpp>

namespace wring {
class thread_pool;
}

namespace wring::detail {

class job_wait;

/// A job whose end a task waits for.
class WRING_API awaited_job : public pool_job, public remote_end {
 public:
  std::atomic<bool> cancelled = false;  ///< what the job's token tells

 protected:
  awaited_job(call_fn to_run, call_fn when_ended) noexcept;
  ~awaited_job() = default;

  /// On the job's thread: the wait ends in the next turn of its scheduler.
  void announce() noexcept;
  /// The bindings that the job sees.
  const context_node* context_ = nullptr;

 private:
  friend job_wait;
  scheduler* home_ = nullptr;
  job_wait* wait_ = nullptr;
};

/// Waits for a job. Derived classes decide how the wait ends.
class WRING_API job_wait : public awaiter {
 public:
  static bool ready() noexcept { return false; }
  [[nodiscard]] wait_description describe() const noexcept override;

 protected:
  job_wait(thread_pool& pool, awaited_job& job) noexcept : pool_(&pool), awaited_(&job) {}

  /// For suspend(). If the job is refused, the wait has ended.
  void begin(const context_node* context) noexcept;
  /// For cancel(). True if no thread has taken the job; the wait is cancelled then.
  [[nodiscard]] bool withdraw(bool given_up) noexcept;
  /// The same: the job is no longer waited for.
  void give_up() noexcept;

  /// Why the job has not been begun.
  [[nodiscard]] const std::optional<error>& refusal() const noexcept { return refusal_; }

 private:
  friend awaited_job;
  void ended() noexcept;

  thread_pool* pool_;
  awaited_job* awaited_;
  std::optional<error> refusal_;
};

/// Calls `call()` for its outcome.
template <class T, class Call>
void call_for(outcome<T>& out, Call&& call) noexcept {
  try {
    if constexpr (std::is_void_v<T>) {
      call();
      out.value.emplace();
    } else {
      emplace_into_empty(out.value, call());
    }
  } catch (...) {
    out.failure = std::current_exception();
  }
}

/// The value of a wait for a job that was refused, or has ended. A refusal is in the result, if the job returns one.
template <class T>
T take_outcome(const std::optional<error>& refusal, outcome<T>& out) {
  if (refusal) [[unlikely]] {
    if constexpr (is_result<T>) {
      return *refusal;
    } else {
      refusal->raise();
    }
  }
  return out.take();
}

/// The same, with an io_error as a value.
template <class T>
result<T> take_outcome_as_result(const std::optional<error>& refusal, outcome<T>& out) {
  if (refusal) [[unlikely]]
    return *refusal;
  try {
    if constexpr (std::is_void_v<T>) {
      out.take();
      return {};
    } else {
      return out.take();
    }
  } catch (const io_error& e) {
    return e.details();
  }
}

}  // namespace wring::detail
