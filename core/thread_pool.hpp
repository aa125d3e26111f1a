// SPDX-License-Identifier: MIT
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <type_traits>
#include <vector>

#include <wring/core/detail/export.hpp>
#include <wring/core/detail/process/pool_job.hpp>
#include <wring/core/duration.hpp>

namespace wring {

/// Limits of a `thread_pool`.
struct thread_pool_options {
  /// Jobs that may run at once, each on a thread of its own: from 1 to 4096. A thread is started when a job finds none
  /// idle.
  unsigned threads = 16;
  /// Jobs that may wait for a thread; one more is refused with errc::limit_exceeded. `unlimited`: it waits too, and
  /// takes no memory except its task's, so limit the tasks instead.
  std::size_t queue_limit = unlimited;
  /// How long a thread without work stays. Zero: it ends at once; `forever`: it stays.
  duration idle_timeout = std::chrono::seconds(10);
};
static_assert(std::is_trivially_destructible_v<thread_pool_options>);

/// What a thread_pool is doing, and has done since it was made.
struct pool_stats {
  std::size_t threads = 0;       ///< that exist now
  std::size_t idle = 0;          ///< those that have no work
  std::size_t queued = 0;        ///< jobs that wait for a thread
  std::size_t running = 0;       ///< jobs that a thread runs, including abandoned ones
  std::size_t abandoned = 0;     ///< those of them whose result is no longer awaited, see `offload_owned`
  duration longest = {};         ///< how long the oldest running job has been running
  std::size_t most_threads = 0;  ///< the most there have been at once
  std::size_t most_queued = 0;   ///< the same of jobs that waited
  std::uint64_t ended = 0;       ///< jobs that have run
  std::uint64_t withdrawn = 0;   ///< jobs that were cancelled before a thread took them
  std::uint64_t refused = 0;     ///< jobs that found the queue full, or no thread that could be started
};

/// Threads for work that blocks or computes for long: see `offload`. Jobs are taken in order of arrival.
///
/// The process has four, shared by all its schedulers and independent of each other: `offload` uses `user` by default,
/// the others are the library's. They exist until the process ends, which does not wait for their jobs. A program can
/// make further ones for work with bounds of its own:
///
///     wring::thread_pool images("images", {.threads = 2});
///     auto small = co_await wring::offload(images, [&] { return shrink(photo); });
///
/// Threads start when they are first needed, are called `wring-NAME/0`, `/1`... (cut to the 15 bytes of the kernel),
/// and block all signals but those that a fault in the thread itself raises. They are not inherited by a fork: the
/// shared pools start afresh in the child, others must not be used there.
///
/// All functions may be called from any thread.
class WRING_API thread_pool {
 public:
  /// Makes a pool. Throws std::invalid_argument for options that are out of bounds.
  explicit thread_pool(std::string_view name, const thread_pool_options& options = {});
  thread_pool(const thread_pool&) = delete;
  thread_pool& operator=(const thread_pool&) = delete;
  /// Joins the threads, so it waits for jobs that were abandoned. All others must have ended: if a task still awaits
  /// one, ends the process.
  ~thread_pool();

  /// The pool that `offload` and `offload_owned` use by default: 16 threads.
  [[nodiscard]] static thread_pool& user();
  /// For operations on files, where the engine cannot do them without blocking (epoll): 4 threads.
  [[nodiscard]] static thread_pool& files();
  /// For looking up names with the system's functions: 16 threads, since some may hang; 256 jobs wait.
  [[nodiscard]] static thread_pool& names();
  /// For handshakes and passwords: as many threads as there are processors.
  [[nodiscard]] static thread_pool& crypto();

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] thread_pool_options options() const noexcept;
  /// Changes the limits, also of a shared pool. Surplus threads end when they have no work. Throws
  /// std::invalid_argument as the constructor does.
  void set_options(const thread_pool_options& options);
  [[nodiscard]] pool_stats stats() const noexcept;

  // For the library: called by `engine::begin_job` and `engine::withdraw_job`.

  /// Queues `job`. Returns 0, -ENOBUFS if the queue is full, or -EAGAIN if there is no thread and none can be started.
  [[nodiscard]] int begin(detail::pool_job& job) noexcept;
  /// Takes back `job`, of which `ended` has not been called yet. False if a thread has taken it; `given_up`: it then
  /// counts as abandoned.
  [[nodiscard]] bool withdraw(detail::pool_job& job, bool given_up) noexcept;
  /// Nanoseconds of the clock that jobs are timed by.
  [[nodiscard]] static std::int64_t clock_now() noexcept;

  /// Logs a warning about abandoned jobs that it has not reported before: the process ends without waiting for them.
  void report_abandoned() noexcept;

 private:
  struct worker {
    std::thread thread;
    bool alive = false;
    bool abandoned = false;  // its job
    bool reported = false;   // the same, in the log
    const detail::pool_job* job = nullptr;
    std::int64_t since = 0;  // when it took the job
  };

  [[nodiscard]] bool start_thread() noexcept;
  void work(unsigned number) noexcept;
  [[nodiscard]] bool wait_for_work(std::unique_lock<std::mutex>& lock) noexcept;
  void unlink(detail::pool_job& job) noexcept;

  const std::string name_;
  mutable std::mutex mutex_;
  std::condition_variable wanted_;
  thread_pool_options options_;
  detail::pool_job* first_ = nullptr;
  detail::pool_job* last_ = nullptr;
  std::vector<worker> workers_;  // by number; those that are not alive are places for new ones
  std::size_t alive_ = 0;
  std::size_t idle_ = 0;  // alive, and not at a job
  std::size_t queued_ = 0;
  bool closing_ = false;
  pool_stats totals_;
};

namespace detail {

/// thread_pool::report_abandoned of the shared pools. Any thread.
WRING_API void report_abandoned_jobs() noexcept;

}  // namespace detail
}  // namespace wring
