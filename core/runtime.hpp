// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <memory>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <wring/core/detail/export.hpp>
#include <wring/core/detail/flows/main_flow.hpp>
#include <wring/core/run.hpp>
#include <wring/core/scheduler.hpp>
#include <wring/core/task.hpp>

namespace wring {

/// How to run a program on several schedulers.
struct runtime_options {
  /// Schedulers, each on a thread of its own, at most 1024. Zero: as many as the process has processors: those that its
  /// affinity allows, and no more than the quota of its control groups, rounded up.
  unsigned threads = 0;
  /// Restrict each thread to one of the allowed processors, in turn.
  bool pin = false;
  /// Of each scheduler. Signals are the process's: one SIGTERM asks all of them to stop, one SIGQUIT dumps the tasks of
  /// all.
  run_options run = {};
};
static_assert(std::is_trivially_destructible_v<runtime_options>);

/// What the schedulers of a runtime have done.
struct runtime_stats {
  std::vector<scheduler_stats> each;  ///< by number
  scheduler_stats sum;
};

/// Runs a program on several schedulers, each on a thread of its own:
///
///     int main() { return wring::runtime().run(serve); }   // instead of wring::run(serve)
///
/// Every scheduler runs `serve`, and so has its own listeners, clients, caches; they share nothing but what they are
/// given. In a runtime of several schedulers `net::listen_tcp` sets SO_REUSEPORT, so that the kernel spreads
/// connections over them. They talk by `submit_to` and `cross_channel`.
///
/// - All schedulers exist before main begins on any of them, and until the tasks of all have ended: `submit_to` may be
///   used as long as there are tasks. When main has ended on one, its scheduler goes on for the others.
/// - If main fails on one (an exception, or an exit code other than 0), the others are asked to stop, as by a signal.
///   If a scheduler cannot be made, main runs on none.
/// - When main has ended on all, what is left of each is cancelled and awaited.
///
/// The thread that calls `run` is number 0, and keeps its name; the others are called wring/1, wring/2...
class WRING_API runtime {
 public:
  /// Throws std::invalid_argument for more than 1024 threads.
  explicit runtime(const runtime_options& options = {});
  /// The same with this many threads.
  explicit runtime(unsigned threads, runtime_options options = {});
  runtime(const runtime&) = delete;
  runtime& operator=(const runtime&) = delete;
  ~runtime();

  /// Runs `main(args...)` on every scheduler and returns when all have ended: the exit code of the scheduler of the
  /// lowest number that has one other than 0, otherwise 0; see `wring::run`. Callable and arguments are copied for each
  /// before any begins; std::ref passes a reference to all. Once. Throws std::logic_error if it has been called, or the
  /// thread has a scheduler.
  template <class Main, class... Args>
  int run(Main&& main, Args&&... args) {
    static_assert(std::copy_constructible<std::decay_t<Main>> && (std::copy_constructible<std::decay_t<Args>> && ...),
                  "each scheduler gets a copy of main and of its arguments: pass std::ref for what all share");
    copies<std::decay_t<Main>, std::decay_t<Args>...> all(size(), main, args...);
    return run_on_all(all);
  }

  /// How many schedulers it runs.
  [[nodiscard]] unsigned size() const noexcept;

  /// The runtime whose scheduler this thread is. Throws std::logic_error if there is none.
  [[nodiscard]] static runtime& current();
  /// The same, or null.
  [[nodiscard]] static runtime* try_current() noexcept;
  /// The number of this thread's scheduler, less than size(). Throws std::logic_error where there is none.
  [[nodiscard]] static unsigned number();

  /// A scheduler by its number, for `submit_to`. Throws std::out_of_range. From its tasks, and from other threads while
  /// there are tasks.
  [[nodiscard]] scheduler& at(unsigned number) const;

  /// Asks all schedulers to stop. From the same places as at().
  void request_stop() noexcept;

  /// What the schedulers have done, one asked after the other. From their tasks. Throws io_error with errc::closed
  /// while they end.
  [[nodiscard]] task<runtime_stats> stats();
  /// The tasks of all schedulers as text, see `wring::dump_tasks`; otherwise as stats().
  [[nodiscard]] task<std::string> dump_tasks();

 private:
  /// Makes main for each scheduler, on its thread.
  struct main_factories {
    virtual std::unique_ptr<detail::main_flow> make(scheduler& s, unsigned number) = 0;

   protected:
    ~main_factories() = default;
  };
  template <class Main, class... Args>
  struct copies final : main_factories {
    template <class M, class... As>
    explicit copies(unsigned count, const M& main, const As&... args) {
      all.reserve(count);
      for (unsigned i = 0; i != count; ++i) all.emplace_back(main, args...);
    }
    std::unique_ptr<detail::main_flow> make(scheduler& s, unsigned number) override {
      return std::apply(
          [&](Main& main, Args&... args) -> std::unique_ptr<detail::main_flow> {
            return std::make_unique<detail::main_of<Main, detail::stored_argument<Args>...>>(s, std::move(main),
                                                                                             std::move(args)...);
          },
          all[number]);
    }
    std::vector<std::tuple<Main, Args...>> all;
  };
  struct state;
  class thread;

  int run_on_all(main_factories& mains);

  std::unique_ptr<state> state_;
};

}  // namespace wring
