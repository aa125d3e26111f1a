// SPDX-License-Identifier: MIT
#include <algorithm>
#include <iterator>
#include <string_view>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include <wring/core/detail/flows/exception_trace.hpp>
#include <wring/core/detail/scheduling/thread_scheduler.hpp>
#include <wring/core/engine/make_engine.hpp>
#include <wring/core/testing/check_failed.hpp>
#include <wring/core/testing/detail/bounded_run.hpp>
#include <wring/core/testing/leak_check.hpp>

namespace wring::testing::detail {

std::string describe_wait(const task_info& task) {
  const std::optional<wait_description> wait = task.awaits();
  std::string text = wait ? wait->operation : "yielded";
  const std::optional<std::source_location> at = task.awaiting_at();
  if (!at) return text;
  const std::string_view file(at->file_name());
  fmt::format_to(std::back_inserter(text), ", in {} ({}:{})", wring::detail::short_function_name(at->function_name()),
                 file.substr(file.find_last_of('/') + 1), at->line());
  return text;
}

bounded_run::bounded_run(const std::function<task<>()>& make, std::unique_ptr<engine> engine,
                         const scheduler_options& options, const run_limits& limits)
    : timer([](timer& t) noexcept { static_cast<bounded_run&>(t).time_is_up(); }),
      make_(make),
      limits_(limits),
      home_(engine != nullptr ? std::move(engine) : make_engine(options.engine), options) {
  using namespace std::chrono_literals;
  if (!limits.real_time) clock_.emplace().jump_when_idle();
  const duration limit = limits.time.value_or(limits.real_time ? 10s : 24h * 365);
  home_.timers().schedule(*this, home_.deadline_after(limit));
  home_.observe(this);
}

bounded_run::~bounded_run() {
  home_.observe(nullptr);
  home_.timers().cancel(*this);
}

void bounded_run::run() {
  const leak_check leaks;
  running_ = true;
  child_ = home_.root().start([this] { return body(); });
  run_until([this] { return child_.done(); });
  child_ = {};
  home_.root().cancel();
  run_until([this] { return home_.root().size() == 0 && home_.engine().in_flight() == 0; });
  home_.drain();
  if (const std::string leaked = leaks.check(); !leaked.empty()) report(fmt::format("it leaked: {}", leaked));
}

void bounded_run::report(const std::string& what) const { throw check_failed(fmt::format("{}: {}", when(), what)); }

void bounded_run::judge_thrown() const {
  if (!thrown_) return;
  try {
    std::rethrow_exception(thrown_);
  } catch (const std::system_error&) {
  } catch (...) {
    report("it threw: " + wring::detail::describe(thrown_));
  }
}

task<> bounded_run::body() {
  const struct ending {
    explicit ending(bool& r) noexcept : running(r) {}
    ~ending() { running = false; }
    bool& running;
  } at_end(running_);
  try {
    co_await make_();
  } catch (...) {
    thrown_ = std::current_exception();
  }
}

template <class Done>
void bounded_run::run_until(Done done) {
  home_.run_until([&] { return done() || time_is_up_ || home_.stats().turns >= limits_.turns; });
  if (done()) return;
  std::string waits;
  for (const task_info& task : live_) {
    fmt::format_to(std::back_inserter(waits), "\n  {}", describe_wait(task));
  }
  if (const std::size_t n = home_.engine().in_flight(); n != 0) {
    fmt::format_to(std::back_inserter(waits), "\n  operations in flight: {}", n);
  }
  const std::string limit =
      time_is_up_ ? "time ran out" : fmt::format("there were {} turns of the scheduler", limits_.turns);
  report(fmt::format("it did not end: {} while these waited:{}", limit, waits));
}

void bounded_run::time_is_up() noexcept {
  // Held time has jumped here because nothing else was left to do. What is with the kernel is given a moment more.
  const std::uint64_t resumptions = home_.stats().resumptions;
  if (resumptions != resumptions_) idle_ = 0;
  resumptions_ = resumptions;
  if (limits_.real_time || home_.engine().in_flight() == 0 || ++idle_ > patience) {
    time_is_up_ = true;
  } else {
    home_.timers().schedule(*this, home_.deadline_after(std::chrono::nanoseconds(1)));
  }
}

void bounded_run::task_ended(const task_info& task, bool) noexcept {
  std::erase_if(live_, [id = task.id()](const task_info& other) { return other.id() == id; });
}

void run_or_abandon(std::unique_ptr<bounded_run>& run) {
  try {
    run->run();
  } catch (...) {
    static auto& abandoned = *new std::vector<bounded_run*>();
    abandoned.push_back(run.release());
    wring::detail::thread_scheduler = nullptr;
    throw;
  }
}

}  // namespace wring::testing::detail
