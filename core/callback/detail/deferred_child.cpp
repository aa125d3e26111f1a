// SPDX-License-Identifier: MIT
#include <wring/core/callback/deferred_error.hpp>
#include <wring/core/callback/detail/deferred_child.hpp>
#include <wring/core/callback/detail/deferred_wait.hpp>
#include <wring/core/callback/failure.hpp>
#include <wring/core/detail/flows/exception_trace.hpp>

namespace wring::detail {

struct deferred_child::canceller final : typed_link<canceller> {
  explicit canceller(deferred_child& c) noexcept : child(c) {}
  // The child fires the deferred when it has ended.
  deferred_core* run(deferred_core& core) noexcept {
    child.ask_to_end();
    return &core;
  }
  deferred_child& child;
};

deferred_child::deferred_child(nursery& parent, deferred_core& fires)
    : child_flow(parent), chain_(core_ref::share(fires)) {
  fires.set_canceller(fires.make_link<canceller>(*this));
}

void deferred_child::ask_to_end() noexcept {
  if (!asked_to_end_) {
    asked_to_end_ = true;
    root_scope.cancel();
  } else if (auto* const waits = dynamic_cast<any_deferred_wait*>(leaf)) {
    waits->cancel_again();
  }
}

void deferred_child::fail(std::exception_ptr e) noexcept {
  const bool missed = asked_to_end_ || chain_->has_links() || chain_->tail_state() != deferred_core::tail::dropped;
  if (e != nullptr || missed) {
    // Where it was thrown, as far as that is known.
    const bool traced = e != nullptr && trace != nullptr && trace->count != 0;
    if (e == nullptr) e = std::make_exception_ptr(cancelled_error());
    chain_->fail(fault_of(std::move(e)), traced ? trace->frames[0] : std::source_location::current());
  } else {
    chain_->end_quietly();
  }
  chain_->source_gone();
}

void deferred_child::succeed() noexcept {
  chain_->fired(std::source_location::current());
  chain_->source_gone();
}

}  // namespace wring::detail
