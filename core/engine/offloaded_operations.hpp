// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include <wring/core/detail/process/pool_job.hpp>
#include <wring/core/engine/engine.hpp>

namespace wring::detail {

/// Those operations of an engine whose system calls may block (open, read, write, sync of files): each is a job for
/// `thread_pool::files()`. Used on the engine's thread.
class offloaded_operations {
 public:
  struct ended {
    operation* op = nullptr;  ///< null: there is none
    std::int32_t result = 0;
  };

  /// `home` is woken when some have ended.
  explicit offloaded_operations(engine& home) noexcept : home_(home) {}
  offloaded_operations(const offloaded_operations&) = delete;
  offloaded_operations& operator=(const offloaded_operations&) = delete;
  /// No operation may be left.
  ~offloaded_operations();

  /// Queues `op`. Returns 0, or -EAGAIN, -ENOBUFS (as thread_pool::begin) or -ENOMEM if that is not possible.
  [[nodiscard]] int begin(operation& op) noexcept;

  /// Takes `op` back if no thread has begun it.
  [[nodiscard]] bool withdraw(operation& op) noexcept;

  /// Whether some have ended that next_ended() has not given yet.
  [[nodiscard]] bool any_ended() noexcept;
  /// The next that has ended, in the order in which they did.
  [[nodiscard]] ended next_ended() noexcept;

 private:
  struct job;

  void unlink(job& j) noexcept;

  engine& home_;
  job* begun_ = nullptr;       // not ended, as far as the engine has been told; by job::before and job::after
  job* to_deliver_ = nullptr;  // ended, the earliest first; by job::link
  job* free_ = nullptr;        // kept for the next ones; by job::link
  std::size_t free_count_ = 0;
  std::atomic<job*> ended_ = nullptr;        // by threads, the latest first; by job::link
  std::atomic<std::size_t> announcing_ = 0;  // threads that use this object for it
};

}  // namespace wring::detail
