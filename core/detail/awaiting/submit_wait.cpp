// SPDX-License-Identifier: MIT
#include <wring/core/detail/awaiting/submit_wait.hpp>
#include <wring/core/error.hpp>
#include <wring/core/scheduler.hpp>

namespace wring::detail {

submit_wait::submit_wait(scheduler& on) noexcept
    : on_(&on),
      request_(*this, [](remote_end& e) noexcept { static_cast<link&>(e).wait.requested(); }),
      cancellation_(*this, [](remote_end& e) noexcept { static_cast<link&>(e).wait.cancellation_arrived(); }),
      answer_(*this, [](remote_end& e) noexcept { static_cast<link&>(e).wait.answered(); }) {}

void submit_wait::raise_refused() {
  error(errc::closed, "submit to a scheduler").with_detail("it has ended, or is ending").raise();
}

void submit_wait::suspend() noexcept {
  home_ = &home();
  if (!on_->request_from_anywhere(request_)) complete();
}

void submit_wait::cancel() noexcept {
  if ((progress_.fetch_or(cancel_sent) & ended) != 0) return;  // the answer is on its way
  if (on_->request_from_anywhere(cancellation_)) return;
  // The other side waits for the cancellation before it answers, unless it learns in time that there is none.
  if ((progress_.fetch_or(cancel_refused) & ended) != 0) answered();
}

void submit_wait::requested() noexcept {
  if (on_->ends_leftovers()) {
    finish();
  } else {
    run(*on_);
  }
}

void submit_wait::cancellation_arrived() noexcept {
  cancellation_seen_ = true;
  if ((progress_.load() & ended) != 0) {
    home_->resume_from_anywhere(answer_);
  } else {
    child_.cancel();
  }
}

void submit_wait::finish() noexcept {
  child_ = {};
  const bool seen = cancellation_seen_;
  const std::uint8_t before = progress_.fetch_or(ended);
  if ((before & cancel_sent) == 0 || seen || (before & cancel_refused) != 0) home_->resume_from_anywhere(answer_);
}

void submit_wait::answered() noexcept {
  if (cancel_requested() && !has_outcome()) {
    confirm_cancel();
  } else {
    complete();
  }
}

}  // namespace wring::detail
