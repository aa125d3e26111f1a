// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <concepts>
#include <memory>
#include <type_traits>
#include <utility>

#include <wring/core/detail/bound_task.hpp>
#include <wring/core/detail/operand.hpp>
#include <wring/core/duration.hpp>
#include <wring/core/scheduler.hpp>
#include <wring/core/task.hpp>

namespace wring {

/// How to run a program.
struct run_options {
  scheduler_options scheduler = {};
  /// How long main may go on after the program was asked to stop, before it is cancelled. Zero: it is cancelled at
  /// once; `forever`: it never is, and ends by itself.
  duration grace = std::chrono::seconds(10);
  /// Take SIGINT and SIGTERM: the first asks to stop, the second ends the process with 128 + its number. They are
  /// unblocked in this thread meanwhile; one that the process ignores stays ignored. SIGPIPE ends nothing meanwhile.
  bool handle_signals = true;
  /// Take SIGQUIT (Ctrl-\): it prints `dump_tasks()` to standard error, and the program goes on. Off by default:
  /// SIGQUIT then ends the process as ever, with a core from which tools/gdb/wring.py prints the same. Each scheduler
  /// that runs with this prints its own tasks.
  bool dump_on_sigquit = false;
};

namespace detail {

/// The flow of the main task.
class WRING_API main_flow : public flow {
 public:
  explicit main_flow(scheduler& s) noexcept : flow(s, s.root_scope(), nullptr) {}
  virtual ~main_flow();

  /// What the program ends with; rethrows what main threw.
  virtual int exit_code() = 0;

  [[nodiscard]] const bool& done() const noexcept { return done_; }
  [[nodiscard]] bool cancelled_at_end() const noexcept { return cancelled_at_end_; }

 private:
  void ended(bool by_cancellation) noexcept override {
    done_ = true;
    cancelled_at_end_ = by_cancellation;
  }
  bool done_ = false;
  bool cancelled_at_end_ = false;
};

template <class Main, class... Args>
class main_of final : public main_flow {
 public:
  template <class M, class... As>
  explicit main_of(scheduler& s, M&& main, As&&... args)
      : main_flow(s), work_(std::forward<M>(main), std::forward<As>(args)...) {}

  int exit_code() override {
    using value = typename bound_task<Main, Args...>::task_type::value_type;
    if constexpr (std::is_void_v<value>) {
      work_.task.take();
      return 0;
    } else {
      static_assert(std::convertible_to<value, int>, "the main task returns void or int");
      return work_.task.take();
    }
  }

 private:
  bool begin() override { return work_.task.begin_await(*this); }

  bound_task<Main, Args...> work_;
};

/// Makes the main flow once there is a scheduler.
struct main_factory {
  virtual std::unique_ptr<main_flow> make(scheduler& s) = 0;

 protected:
  ~main_factory() = default;
};

WRING_API int run_main(const run_options& options, main_factory& factory);

}  // namespace detail

/// Runs `main(args...)`, a task, on this thread to its end, with a scheduler of its own. Arguments are passed by value;
/// std::ref passes a reference. Returns the program's exit code:
///
/// - what main returned, or 0 for void;
/// - 0 if main was ended by a stop request (SIGINT, SIGTERM or scheduler::request_stop) or by its grace running out;
/// - 1 if an exception escaped from main, or no scheduler could be made. It is printed to standard error, with the
///   chain of tasks it came through.
///
/// When main has ended, what it left behind (closed streams, the root nursery's tasks) is cancelled and awaited.
template <class Main, class... Args>
int run(const run_options& options, Main&& main, Args&&... args) {
  struct factory final : detail::main_factory {
    Main& main;
    std::tuple<Args&...> args;
    factory(Main& m, Args&... as) : main(m), args(as...) {}
    std::unique_ptr<detail::main_flow> make(scheduler& s) override {
      return std::apply(
          [&](Args&... as) -> std::unique_ptr<detail::main_flow> {
            return std::make_unique<detail::main_of<std::decay_t<Main>, detail::stored_argument<Args>...>>(
                s, std::forward<Main>(main), std::forward<Args>(as)...);
          },
          args);
    }
  };
  factory f(main, args...);
  return detail::run_main(options, f);
}

template <class Main, class... Args>
  requires(!std::same_as<std::remove_cvref_t<Main>, run_options>)
int run(Main&& main, Args&&... args) {
  return run(run_options(), std::forward<Main>(main), std::forward<Args>(args)...);
}

}  // namespace wring
