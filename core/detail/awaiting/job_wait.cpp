// SPDX-License-Identifier: MIT
#include <cerrno>
#include <chrono>

#include <wring/core/detail/awaiting/job_wait.hpp>
#include <wring/core/detail/flows/current_context.hpp>
#include <wring/core/scheduler.hpp>
#include <wring/core/thread_pool.hpp>

namespace wring::detail {

constinit thread_local const context_node* job_context = nullptr;

awaited_job::awaited_job(call_fn to_run, call_fn when_ended) noexcept
    : pool_job(to_run, when_ended),
      remote_end([](remote_end& end) noexcept { static_cast<awaited_job&>(end).wait_->ended(); }) {}

void awaited_job::announce() noexcept { home_->resume_from_anywhere(*this); }

void job_wait::begin(const context_node* context) noexcept {
  awaited_->context_ = context;
  awaited_->home_ = &home();
  awaited_->wait_ = this;
  home().job_begun();
  const int refused = home().engine().begin_job(*pool_, *awaited_);
  if (refused == 0) return;  // from here on it may have ended
  const error_address name = error_address::from_text(pool_->name());
  if (refused == -ENOBUFS) {
    refusal_ = error(errc::limit_exceeded, "queue a job on pool")
                   .with_address(name)
                   .with_count(pool_->options().queue_limit)
                   .with_detail(
                       "the pool's threads are busy, and as many jobs wait as thread_pool_options::queue_limit "
                       "allows");
  } else {
    refusal_ = error::from_errno(refused, "start a thread of pool")
                   .with_address(name)
                   .with_detail("raise the limit of threads (ulimit -u, pids.max)");
  }
  ended();
}

bool job_wait::withdraw(bool given_up) noexcept {
  awaited_->cancelled.store(true, std::memory_order_relaxed);
  if (!home().engine().withdraw_job(*pool_, *awaited_, given_up)) return false;
  give_up();
  return true;
}

void job_wait::give_up() noexcept {
  home().job_ended();
  confirm_cancel();
}

void job_wait::ended() noexcept {
  home().job_ended();
  complete();
}

wait_description job_wait::describe() const noexcept {
  const std::int64_t begun = awaited_->begun_at.load(std::memory_order_relaxed);
  const std::int64_t since = begun != 0 ? begun : awaited_->queued_at;
  return {.operation = "job on pool",
          .address = error_address::from_text(pool_->name()),
          .progress = begun != 0 ? "running" : "queued",
          .so_far = thread_pool::clock_now() - since};
}

}  // namespace wring::detail
