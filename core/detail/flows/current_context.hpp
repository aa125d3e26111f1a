// SPDX-License-Identifier: MIT
#pragma once

#include <utility>

#include <wring/core/detail/export.hpp>
#include <wring/core/detail/flows/context.hpp>
#include <wring/core/detail/flows/flow.hpp>
#include <wring/core/scheduler.hpp>

namespace wring::detail {

/// The innermost binding of the job that runs on this thread; null outside of jobs. Not counted, since bindings belong
/// to a scheduler's thread: the job keeps them alive.
WRING_API extern constinit thread_local const context_node* job_context __attribute__((tls_model("initial-exec")));

/// Sets that while it exists.
class in_job_context {
 public:
  explicit in_job_context(const context_node* innermost) noexcept : before_(std::exchange(job_context, innermost)) {}
  in_job_context(const in_job_context&) = delete;
  in_job_context& operator=(const in_job_context&) = delete;
  ~in_job_context() { job_context = before_; }

 private:
  const context_node* before_;
};

/// The innermost binding of the task, or else of the job, that runs on this thread.
[[nodiscard]] inline const context_node* current_context() noexcept {
  const scheduler* const s = scheduler::try_current();
  return s != nullptr && s->running() != nullptr ? s->running()->context.get() : job_context;
}

}  // namespace wring::detail
