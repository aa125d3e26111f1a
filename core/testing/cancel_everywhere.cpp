// SPDX-License-Identifier: MIT
#include <algorithm>
#include <exception>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <fmt/format.h>

#include <wring/core/detail/flows/exception_trace.hpp>
#include <wring/core/detail/scheduling/thread_scheduler.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/scheduler_observer.hpp>
#include <wring/core/testing/cancel_everywhere.hpp>
#include <wring/core/testing/clock.hpp>
#include <wring/core/testing/leak_check.hpp>

namespace wring::testing {

namespace {

/// "sleep, in talk (chat_test.cpp:12)".
std::string describe_wait(const task_info& task) {
  const std::optional<wait_description> wait = task.awaits();
  std::string text = wait ? wait->operation : "yielded";
  const std::optional<std::source_location> at = task.awaiting_at();
  if (!at) return text;
  const std::string_view file(at->file_name());
  fmt::format_to(std::back_inserter(text), ", in {} ({}:{})", detail::short_function_name(at->function_name()),
                 file.substr(file.find_last_of('/') + 1), at->line());
  return text;
}

/// One run, cancelled at the suspension `target`; 0: never.
class attempt final : scheduler_observer, detail::timer {
 public:
  attempt(const std::function<task<>()>& make, const cancel_everywhere_options& options, std::size_t target)
      : timer([](timer& t) noexcept { static_cast<attempt&>(t).time_is_up(); }),
        make_(make),
        options_(options),
        target_(target),
        home_(options.scheduler) {
    using namespace std::chrono_literals;
    if (!options.real_time) clock_.emplace().jump_when_idle();
    const duration limit = options.time_limit.value_or(options.real_time ? 10s : 24h * 365);
    home_.timers().schedule(*this, home_.deadline_after(limit));
    home_.observe(this);
  }
  attempt(const attempt&) = delete;
  attempt& operator=(const attempt&) = delete;
  ~attempt() override {
    home_.observe(nullptr);
    home_.timers().cancel(*this);
  }

  void run() {
    const leak_check leaks;
    child_ = home_.root().start([this] { return body(); });
    run_until([this] { return child_.done(); });
    child_ = {};
    home_.root().cancel();
    run_until([this] { return home_.root().size() == 0 && home_.engine().in_flight() == 0; });
    home_.drain();
    if (const std::string leaked = leaks.check(); !leaked.empty()) report(fmt::format("it leaked: {}", leaked));
  }

  /// Whether the task was cancelled on its way.
  [[nodiscard]] bool cancelled() const noexcept { return cancelled_; }
  [[nodiscard]] const std::exception_ptr& thrown() const noexcept { return thrown_; }

  [[noreturn]] void report(const std::string& what) const {
    const std::string when =
        cancelled_ ? fmt::format("cancelled at suspension {} ({})", target_, where_) : "not cancelled";
    throw check_failed(fmt::format("cancel_everywhere: {}: {}", when, what));
  }

 private:
  task<> body() {
    try {
      co_await make_();
    } catch (...) {
      thrown_ = std::current_exception();
    }
  }

  template <class Done>
  void run_until(Done done) {
    home_.run_until([&] { return done() || time_is_up_ || home_.stats().turns >= options_.turn_limit; });
    if (done()) return;
    std::string waits;
    for (const task_info& task : live_) {
      fmt::format_to(std::back_inserter(waits), "\n  {}", describe_wait(task));
    }
    for (std::size_t n = home_.engine().in_flight(); n != 0; n = 0) {
      fmt::format_to(std::back_inserter(waits), "\n  operations in flight: {}", n);
    }
    const std::string limit =
        time_is_up_ ? "time ran out" : fmt::format("there were {} turns of the scheduler", options_.turn_limit);
    report(fmt::format("it did not end: {} while these waited:{}", limit, waits));
  }

  void time_is_up() noexcept {
    // Held time has jumped here because nothing else was left to do. What is with the kernel is given a moment more.
    const std::uint64_t resumptions = home_.stats().resumptions;
    if (resumptions != resumptions_) idle_ = 0;
    resumptions_ = resumptions;
    if (options_.real_time || home_.engine().in_flight() == 0 || ++idle_ > patience) {
      time_is_up_ = true;
    } else {
      home_.timers().schedule(*this, home_.deadline_after(std::chrono::nanoseconds(1)));
    }
  }

  void task_started(const task_info& task) noexcept override { live_.push_back(task); }
  void task_ended(const task_info& task, bool) noexcept override {
    std::erase_if(live_, [id = task.id()](const task_info& other) { return other.id() == id; });
  }
  void task_suspended(const task_info& task) noexcept override {
    if (cancelled_ || child_.done() || ++suspensions_ != target_) return;
    cancelled_ = true;
    where_ = describe_wait(task);
    child_.cancel();
  }

  static constexpr unsigned patience = 500;  // jumps of at least a millisecond

  const std::function<task<>()>& make_;
  const cancel_everywhere_options& options_;
  std::size_t target_;
  std::size_t suspensions_ = 0;
  bool cancelled_ = false;
  bool time_is_up_ = false;
  unsigned idle_ = 0;
  std::uint64_t resumptions_ = 0;
  std::string where_;
  std::exception_ptr thrown_;
  std::vector<task_info> live_;
  scheduler home_;
  std::optional<clock> clock_;
  child_handle child_;
};

/// A scheduler whose tasks do not end cannot be destroyed. It is kept within reach, for leak checkers to pass over: the
/// failure has been reported.
void abandon(std::unique_ptr<attempt> stuck) {
  static auto& abandoned = *new std::vector<attempt*>();
  abandoned.push_back(stuck.release());
  detail::thread_scheduler = nullptr;
}

}  // namespace

std::size_t cancel_everywhere(const std::function<task<>()>& fn, const cancel_everywhere_options& options) {
  for (std::size_t k = 0; k <= options.suspension_limit; ++k) {
    auto run = std::make_unique<attempt>(fn, options, k);
    try {
      run->run();
    } catch (...) {
      abandon(std::move(run));
      throw;
    }
    if (!run->cancelled()) {
      if (run->thrown()) std::rethrow_exception(run->thrown());
      if (k != 0) return k - 1;
    } else if (run->thrown()) {
      try {
        std::rethrow_exception(run->thrown());
      } catch (const std::system_error&) {
      } catch (...) {
        run->report("it threw: " + detail::describe(run->thrown()));
      }
    }
  }
  throw check_failed(fmt::format("cancel_everywhere: more than {} suspension points", options.suspension_limit));
}

}  // namespace wring::testing
