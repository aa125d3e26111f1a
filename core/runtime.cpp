// SPDX-License-Identifier: MIT
#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <optional>
#include <pthread.h>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <thread>

#include <fmt/format.h>

#include <wring/core/detail/flows/run_to_end.hpp>
#include <wring/core/detail/process/dump_signal.hpp>
#include <wring/core/detail/process/stop_signals.hpp>
#include <wring/core/dump_tasks.hpp>
#include <wring/core/engine/processors.hpp>
#include <wring/core/runtime.hpp>
#include <wring/core/submit_to.hpp>
#include <wring/core/thread_pool.hpp>

namespace wring {

namespace {

constinit thread_local runtime* runtime_here = nullptr;
constinit thread_local unsigned number_here = 0;

constexpr unsigned most_threads = 1024;

void add(scheduler_stats& sum, const scheduler_stats& s) noexcept {
  sum.turns += s.turns;
  sum.resumptions += s.resumptions;
  sum.tasks_started += s.tasks_started;
  sum.tasks_ended += s.tasks_ended;
  sum.timers_fired += s.timers_fired;
  sum.posted += s.posted;
  sum.timers += s.timers;
  sum.operations += s.operations;
  sum.jobs += s.jobs;
  sum.operations_submitted += s.operations_submitted;
  sum.completions += s.completions;
  sum.kernel_calls += s.kernel_calls;
  sum.buffers_leased += s.buffers_leased;
  sum.blocks_leased += s.blocks_leased;
  sum.block_bytes_leased += s.block_bytes_leased;
  sum.block_bytes_kept += s.block_bytes_kept;
}

void print_error(const char* what) noexcept { std::fprintf(stderr, "wring: error: %s\n", what); }

}  // namespace

/// What the threads share. Schedulers wait for each other in turns, so that they serve each other meanwhile; threads
/// without a scheduler to run wait for the condition.
struct runtime::state {
  explicit state(const runtime_options& o)
      : options(o), schedulers(o.threads != 0 ? o.threads : detail::usable_processors()) {}

  const runtime_options options;
  bool used = false;
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<scheduler*> schedulers;  // set before `arrived` is complete
  unsigned arrived = 0;                // at one of the places where all threads wait
  bool failed = false;                 // a scheduler could not be made
  std::atomic<unsigned> mains = 0;     // that have not ended
  std::atomic<unsigned> undrained = 0;

  /// Blocks until all threads have come here, for the `time`-th time.
  void meet(unsigned time) {
    std::unique_lock lock(mutex);
    if (++arrived == time * schedulers.size()) {
      changed.notify_all();
    } else {
      changed.wait(lock, [&] { return arrived >= time * schedulers.size(); });
    }
  }
  void stop_all() noexcept {
    for (scheduler* const s : schedulers) s->request_stop_from_anywhere();
  }
  /// Counts down; the last wakes all that run turns until the count is zero.
  void one_less(std::atomic<unsigned>& count) noexcept {
    if (count.fetch_sub(1) != 1) return;
    for (scheduler* const s : schedulers) s->service_has_work();
  }
};

/// One of the runtime's threads.
class runtime::thread {
 public:
  thread(runtime& of, main_factories& mains, unsigned number) noexcept
      : runtime_(of), state_(*of.state_), mains_(mains), number_(number) {}

  /// Returns the exit code.
  int run() {
    struct in_runtime {
      in_runtime(runtime& of, unsigned number) noexcept {
        runtime_here = &of;
        number_here = number;
      }
      in_runtime(const in_runtime&) = delete;
      in_runtime& operator=(const in_runtime&) = delete;
      ~in_runtime() { runtime_here = nullptr; }
    };
    const in_runtime here(runtime_, number_);
    std::optional<scheduler> s;
    try {
      s.emplace(state_.options.run.scheduler);
      if (runtime_.size() > 1 && std::string_view(s->engine().name()) == "simulation") {
        throw std::runtime_error(
            "a runtime of several threads cannot be simulated: unset WRING_ENGINE, or run each in a host of a "
            "sim::world");
      }
    } catch (const std::exception& e) {
      print_error(e.what());
      const std::lock_guard lock(state_.mutex);
      state_.failed = true;
    }
    if (s) state_.schedulers[number_] = &*s;
    state_.meet(1);
    if (state_.failed) return 1;
    try {
      return run_with(*s);
    } catch (const std::exception& e) {
      // The others rely on this scheduler, which cannot go on.
      print_error(e.what());
      std::_Exit(1);
    }
  }

 private:
  int run_with(scheduler& s) {
    const detail::stop_signals signals(s, state_.options.run.handle_signals);
    const detail::dump_signal quit(s, state_.options.run.dump_on_sigquit);
    const int code = run_main(s);
    if (code != 0) state_.stop_all();
    state_.one_less(state_.mains);
    s.run_until([this] { return state_.mains.load() == 0; });
    s.drain();
    state_.one_less(state_.undrained);
    s.run_until([this] { return state_.undrained.load() == 0; });
    state_.meet(2);  // from here on nobody calls another's scheduler
    return code;
  }

  int run_main(scheduler& s) {
    struct factory final : detail::main_factory {
      factory(main_factories& m, unsigned n) noexcept : mains(m), number(n) {}
      std::unique_ptr<detail::main_flow> make(scheduler& on) override { return mains.make(on, number); }
      main_factories& mains;
      unsigned number;
    };
    try {
      factory f(mains_, number_);
      return detail::run_to_end(state_.options.run, s, f);
    } catch (const std::exception& e) {
      print_error(e.what());
      return 1;
    }
  }

  runtime& runtime_;
  state& state_;
  main_factories& mains_;
  unsigned number_;
};

runtime::runtime(const runtime_options& options) {
  if (options.threads > most_threads) {
    throw std::invalid_argument(
        fmt::format("runtime_options::threads is {}: it must be at most {}", options.threads, most_threads));
  }
  state_ = std::make_unique<state>(options);
}

runtime::runtime(unsigned threads, runtime_options options)
    : runtime((options.threads = threads, static_cast<const runtime_options&>(options))) {}

runtime::~runtime() = default;

int runtime::run_on_all(main_factories& mains) {
  if (std::exchange(state_->used, true)) throw std::logic_error("runtime::run can be called once");
  if (scheduler::try_current() != nullptr) throw std::logic_error("runtime::run: this thread has a scheduler already");
  state_->mains = state_->undrained = size();

  const std::vector<int> processors = detail::allowed_processors();
  const auto pin = [&](unsigned number) {
    if (!state_->options.pin) return;
    const int p = processors[number % processors.size()];
    if (const int fault = detail::restrict_this_thread({p}); fault != 0) {
      print_error(fmt::format("pin thread {} to processor {}: {}", number, p,
                              std::error_code(-fault, std::generic_category()).message())
                      .c_str());
    }
  };
  std::vector<int> codes(size(), 0);
  const auto run_here = [&](unsigned number) {
    pin(number);
    codes[number] = thread(*this, mains, number).run();
  };
  std::vector<std::thread> others;
  others.reserve(size() - 1);
  for (unsigned i = 1; i != size(); ++i) {
    const auto work = [&run_here, i] {
      ::pthread_setname_np(::pthread_self(), fmt::format("wring/{}", i).c_str());
      run_here(i);
    };
    try {
      others.emplace_back(work);
    } catch (const std::system_error& e) {
      print_error(fmt::format("start thread {} of {}: {}", i, size(), e.what()).c_str());
      const std::lock_guard lock(state_->mutex);
      state_->failed = true;
      ++state_->arrived;
      codes[i] = 1;
    }
  }
  run_here(0);
  for (std::thread& t : others) t.join();
  if (state_->options.pin) static_cast<void>(detail::restrict_this_thread(processors));
  detail::report_abandoned_jobs();
  for (const int code : codes) {
    if (code != 0) return code;
  }
  return 0;
}

unsigned runtime::size() const noexcept { return static_cast<unsigned>(state_->schedulers.size()); }

runtime* runtime::try_current() noexcept { return runtime_here; }

runtime& runtime::current() {
  if (runtime_here == nullptr) {
    throw std::logic_error("no runtime on this thread: call this from a task that wring::runtime::run runs");
  }
  return *runtime_here;
}

unsigned runtime::number() {
  static_cast<void>(current());
  return number_here;
}

scheduler& runtime::at(unsigned number) const {
  if (number >= size()) {
    throw std::out_of_range(fmt::format("runtime::at({}): there are {} schedulers", number, size()));
  }
  return *state_->schedulers[number];
}

void runtime::request_stop() noexcept { state_->stop_all(); }

task<runtime_stats> runtime::stats() {
  runtime_stats all;
  for (scheduler* const s : state_->schedulers) {
    const scheduler_stats of_one = co_await submit_to(*s, [] { return scheduler::current().stats(); });
    all.each.push_back(of_one);
    add(all.sum, of_one);
  }
  co_return all;
}

task<std::string> runtime::dump_tasks() {
  std::string all;
  for (unsigned i = 0; i != size(); ++i) {
    const std::string of_one = co_await submit_to(at(i), [] { return wring::dump_tasks(); });
    all += fmt::format("scheduler {} of {}: ", i, size()) + of_one;
  }
  co_return all;
}

}  // namespace wring
