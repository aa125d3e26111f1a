// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstdint>
#include <exception>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <wring/core/detail/scheduling/thread_scheduler.hpp>
#include <wring/core/dump_tasks.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/testing/check_failed.hpp>
#include <wring/core/testing/leak_check.hpp>
#include <wring/core/testing/task_test.hpp>

namespace wring::testing {

/// The scheduler of a test, and what becomes of its task.
class task_test::runner {
 public:
  explicit runner(task_test& test) : test_(test), home_(test.options_.scheduler) {
    if (!test.options_.real_time) clock_.emplace().jump_when_idle();
  }

  void run() {
    const leak_check leaks;
    child_handle child = home_.root().start([this] { return main(); });
    std::string stuck;
    const auto look = [&] { stuck = describe_stuck(); };
    if (!run_until([&] { return child.done(); })) look();
    child = {};
    home_.root().cancel();
    if (!run_until([&] { return home_.root().size() == 0; })) {
      if (stuck.empty()) look();
      abandoned_ = true;
    }
    if (!stuck.empty()) throw check_failed(stuck);
    home_.drain();
    if (thrown_) std::rethrow_exception(thrown_);
    if (!returned_) throw check_failed("the test's task was cancelled");
    if (const std::string leaked = leaks.check(); !leaked.empty()) throw check_failed("the test leaked: " + leaked);
  }

  [[nodiscard]] testing::clock* clock() noexcept { return clock_ ? &*clock_ : nullptr; }
  /// Tasks are left that do not end: the scheduler cannot be destroyed.
  [[nodiscard]] bool abandoned() const noexcept { return abandoned_; }

 private:
  task<> main() {
    try {
      co_await test_.body();
      returned_ = true;
    } catch (...) {
      thrown_ = std::current_exception();
    }
  }

  /// False if nothing is left that could bring it about.
  template <class Done>
  bool run_until(Done done) {
    engine& kernel = home_.engine();
    std::uint64_t resumptions = home_.stats().resumptions;
    std::int64_t idle_since = kernel.now();
    while (!done()) {
      const std::int64_t due = home_.step();
      const std::uint64_t resumed = home_.stats().resumptions;
      if (due != engine::no_deadline || resumed != resumptions) idle_since = kernel.now();
      resumptions = resumed;
      if (due == engine::no_wait || done()) continue;
      const std::int64_t limit = detail::time_after(idle_since, test_.options_.patience.count());
      if (due == engine::no_deadline && kernel.now() >= limit) return false;
      kernel.turn(std::min(due, limit), home_.options().completions_per_turn);
    }
    return true;
  }

  [[nodiscard]] std::string describe_stuck() {
    const bool held = clock_ && !home_.timers().empty();
    return fmt::format("the test cannot go on: no task has run for {}ms, and {}\n{}",
                       test_.options_.patience.count() / 1'000'000,
                       held ? "time is held: move it with clock().advance(), or let it jump" : "no deadline is ahead",
                       dump_tasks(home_, {}));
  }

  task_test& test_;
  scheduler home_;
  std::optional<testing::clock> clock_;  // not in real time
  std::exception_ptr thrown_;
  bool returned_ = false;
  bool abandoned_ = false;
};

task_test::task_test(const task_test_options& options) : options_(options) {
  if (options.patience <= duration()) {
    throw std::invalid_argument("task_test_options::patience must be more than zero");
  }
}

task_test::~task_test() = default;

void task_test::run() {
  const struct ending {
    ~ending() { test.end(); }
    task_test& test;
  } after{*this};
  runner_ = std::make_unique<runner>(*this);
  runner_->run();
}

void task_test::end() noexcept {
  if (runner_ != nullptr && runner_->abandoned()) {
    // Kept reachable, so that leak checkers ignore it: the failure has been reported.
    static auto& abandoned = *new std::vector<runner*>();
    abandoned.push_back(runner_.release());
    detail::thread_scheduler = nullptr;
  }
  runner_.reset();
}

testing::clock& task_test::clock() const {
  testing::clock* const held = runner_ != nullptr ? runner_->clock() : nullptr;
  if (held == nullptr) throw std::logic_error("the test has no clock to hold: it runs in real time, or not at all");
  return *held;
}

}  // namespace wring::testing
