// SPDX-License-Identifier: MIT
#include <exception>
#include <memory>
#include <string>

#include <fmt/format.h>

#include <wring/core/testing/cancel_everywhere.hpp>
#include <wring/core/testing/detail/bounded_run.hpp>

namespace wring::testing {

namespace {

/// One run, cancelled at the suspension `target`; 0: never.
class attempt final : public detail::bounded_run {
 public:
  attempt(const std::function<task<>()>& make, const cancel_everywhere_options& options, std::size_t target)
      : bounded_run(make, nullptr, options.scheduler, {options.real_time, options.time_limit, options.turn_limit}),
        target_(target) {}

  /// Whether the task was cancelled on its way.
  [[nodiscard]] bool cancelled() const noexcept { return cancelled_; }

 private:
  [[nodiscard]] std::string when() const override {
    return cancelled_ ? fmt::format("cancel_everywhere: cancelled at suspension {} ({})", target_, where_)
                      : "cancel_everywhere: not cancelled";
  }
  void suspended(const task_info& task) noexcept override {
    if (cancelled_ || ++suspensions_ != target_) return;
    cancelled_ = true;
    where_ = detail::describe_wait(task);
    cancel();
  }

  const std::size_t target_;
  std::size_t suspensions_ = 0;
  bool cancelled_ = false;
  std::string where_;
};

}  // namespace

std::size_t cancel_everywhere(const std::function<task<>()>& fn, const cancel_everywhere_options& options) {
  for (std::size_t k = 0; k <= options.suspension_limit; ++k) {
    std::unique_ptr<detail::bounded_run> run = std::make_unique<attempt>(fn, options, k);
    const auto& made = static_cast<const attempt&>(*run);
    detail::run_or_abandon(run);
    if (!made.cancelled()) {
      if (run->thrown()) std::rethrow_exception(run->thrown());
      if (k != 0) return k - 1;
    } else {
      run->judge_thrown();
    }
  }
  throw check_failed(fmt::format("cancel_everywhere: more than {} suspension points", options.suspension_limit));
}

}  // namespace wring::testing
