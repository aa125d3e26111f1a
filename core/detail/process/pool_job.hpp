// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstdint>

namespace wring::detail {

/// One piece of work for a thread of a `thread_pool`. Its owner keeps it in place until it has been withdrawn or has
/// run: in the frame that waits for it, or in a block of its own.
struct pool_job {
  using call_fn = void (*)(pool_job&) noexcept;

  pool_job(call_fn to_run, call_fn when_ended) noexcept : run(to_run), ended(when_ended) {}
  pool_job(const pool_job&) = delete;
  pool_job& operator=(const pool_job&) = delete;

  // Both are called once, on a thread of the pool, without its lock.
  const call_fn run;    ///< does the work
  const call_fn ended;  ///< reports its end: the pool does not touch the job afterwards, it may have been destroyed
  std::int64_t queued_at = 0;              ///< by thread_pool::clock_now
  std::atomic<std::int64_t> begun_at = 0;  ///< the same, when a thread took it; 0 before

  // The pool's own, under its lock.
  pool_job* previous = nullptr;
  pool_job* next = nullptr;
  unsigned worker = 0;  // the thread that runs it
  bool queued = false;

 protected:
  ~pool_job() = default;
};

}  // namespace wring::detail
