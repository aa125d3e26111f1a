// SPDX-License-Identifier: MIT
#include <wring/core/callback/deferred_error.hpp>
#include <wring/core/callback/detail/deferred_wait.hpp>
#include <wring/core/callback/failure.hpp>
#include <wring/core/detail/flows/described.hpp>
#include <wring/core/log.hpp>
#include <wring/core/scheduler.hpp>

namespace wring::detail {

namespace {

/// The end of a chain that was cancelled because nothing waits for it.
struct unmissed final : typed_link<unmissed> {
  deferred_core* run(deferred_core& core) noexcept {
    if (core.state() == deferred_core::status::failed && failure(core.peek_failure()).check<cancelled_error>()) {
      core.discard();
    }
    return nullptr;
  }
};

}  // namespace

any_deferred_wait::arrival::arrival(any_deferred_wait& w) noexcept
    : deferred_link([](deferred_link& link, deferred_core* core) -> deferred_core* {
        // The result stays in the core until the task takes it. The link is the wait's: nothing to destroy.
        if (core != nullptr) static_cast<arrival&>(link).wait.arrived();
        return nullptr;
      }),
      wait(w) {}

any_deferred_wait::any_deferred_wait(core_ref chain) noexcept : chain_(std::move(chain)) {
  chain_->set_tail(deferred_core::tail::passed_on);
}

// Not begun: the task was cancelled on its way here, which is to cancel the deferred, but cannot wait for it any more.
any_deferred_wait::~any_deferred_wait() {
  if (!chain_) return;
  if (!begun_) {
    try {
      chain_->append(*chain_->make_link<unmissed>());
      chain_->cancel(std::source_location::current());
    } catch (...) {
      const std::exception_ptr thrown = std::current_exception();
      log::error("the canceller of a deferred threw", {"error", detail::described(thrown)});
    }
  }
  chain_->set_tail(deferred_core::tail::dropped);
}

bool any_deferred_wait::begin_await(flow& f) {
  begun_ = true;
  if (f.cancelled()) [[unlikely]] {
    if (!attach(f, state::cancelling)) {
      queue_cancel();
      return false;
    }
    asked_ = true;  // too late for that
    if (!confirms_cancel()) return true;
    f.request_unwind();
    return false;
  }
  if (f.budget == 0) [[unlikely]] {
    yield_first(f);
    return false;
  }
  if (!attach(f, state::parked)) return false;
  --f.budget;
  return true;
}

/// True: the result is there, and nothing waits. Otherwise the flow is suspended on this.
bool any_deferred_wait::attach(flow& f, state as) noexcept {
  if (chain_->settled() && !chain_->has_links()) return true;
  park(f, as);
  chain_->append(arrival_);
  return false;
}

void any_deferred_wait::cancel() noexcept { queue_cancel(); }

void any_deferred_wait::cancel_again() noexcept {
  if (cancel_requested()) queue_cancel();
}

// Cancelling a deferred calls back into the program, which a scope that is being cancelled could not bear: it is done
// in the task's turn. The flow is put into the ready queue while it remains suspended on this, and is restarted.
void any_deferred_wait::queue_cancel() noexcept {
  if (cancel_queued_ || !suspended()) return;
  cancel_queued_ = true;
  home().enqueue(host());
}

bool any_deferred_wait::restart() noexcept {
  if (yielded()) {
    if (!attach(host(), state::parked)) return false;
    completed_in_turn();
    return true;
  }
  if (!has_arrived_) {
    try {
      asked_ = true;
      chain_->cancel(std::source_location::current());
    } catch (...) {
      if (!has_arrived_) {
        thrown_by_canceller_ = std::current_exception();
        chain_->detach(arrival_);
        has_arrived_ = true;
      } else {
        const std::exception_ptr thrown = std::current_exception();
        log::error("the canceller of a deferred threw", {"error", detail::described(thrown)});
      }
    }
  }
  cancel_queued_ = false;
  return has_arrived_ && settle_in_turn();
}

bool any_deferred_wait::settle_in_turn() noexcept {
  if (thrown_by_canceller_ == nullptr && confirms_cancel()) {
    cancelled_in_turn();
  } else {
    completed_in_turn();
  }
  return true;
}

void any_deferred_wait::arrived() noexcept {
  has_arrived_ = true;
  if (cancel_queued_) return;  // settled when the flow's turn comes
  if (cancel_requested() && confirms_cancel()) {
    confirm_cancel();
  } else {
    complete();
  }
}

/// A cancelled task drops a value that results from cancelling, and waits for cancelled_error. A value that was there
/// before cancel() was called is the task's: a lock that was passed on, for one. Failures are thrown.
bool any_deferred_wait::confirms_cancel() noexcept {
  const bool failed = chain_->state() == deferred_core::status::failed;
  if (failed ? !failure(chain_->peek_failure()).check<cancelled_error>() : !asked_) return false;
  chain_->discard();
  return true;
}

deferred_core& any_deferred_wait::outcome() {
  if (thrown_by_canceller_) std::rethrow_exception(std::exchange(thrown_by_canceller_, nullptr));
  if (chain_->state() == deferred_core::status::failed) rethrow(chain_->take_failure());
  return *chain_;
}

}  // namespace wring::detail
