// SPDX-License-Identifier: MIT
#include <stdexcept>

#include <wring/core/detail/flows/described.hpp>
#include <wring/core/log.hpp>
#include <wring/core/nursery.hpp>

namespace wring {

namespace {

constexpr std::size_t suppressed_limit = 64;

}  // namespace

nursery::nursery(nursery_options options) : options_(options) {
  if (options.limit == 0) throw std::invalid_argument("nursery_options::limit is 0: it must be at least 1");
}

nursery::~nursery() {
  if (looked_) return;
  for (const std::exception_ptr& failure : suppressed_) {
    log::warn("a task failed after its nursery had failed already", {"error", detail::described(failure)});
  }
}

detail::root_nursery::root_nursery(scope_node& below) : nursery_(std::make_unique<nursery>()) {
  nursery_->open(below, nullptr);
}

detail::root_nursery::~root_nursery() { nursery_->close(); }

bool detail::root_nursery::empty() const noexcept { return nursery_->size() == 0; }
void detail::root_nursery::cancel() noexcept { nursery_->cancel(); }
void detail::root_nursery::refuse_children() noexcept { nursery_->refuse_children(); }

void nursery::open(detail::scope_node& outer, detail::flow* host) {
  if (sched_ != nullptr) throw std::logic_error("a nursery can be run once");
  sched_ = &scheduler::current();
  survives_failures_ = host == nullptr;
  scope_.attach(outer, host);
  if (host != nullptr) scope_.frame = host->top;
  open_ = true;
}

void nursery::close() noexcept {
  open_ = false;
  while (vacant* w = wanting_.pop()) w->released();
  offered_ = nullptr;
  scope_.detach();
}

void nursery::refuse_start() const {
  if (!open_ && survives_failures_) {
    throw std::logic_error("a task was started in the scheduler's root nursery too often since that was cancelled");
  }
  if (!open_) throw std::logic_error("nursery::start outside of nursery::run: nobody would wait for the task");
  error(errc::limit_exceeded, "start a task in a nursery").with_count(options_.limit).raise();
}

void nursery::fail(const std::exception_ptr& failure, detail::flow& where) noexcept {
  if (survives_failures_) {
    log::error("a detached task failed", {"error", detail::described(failure)});
    return;
  }
  if (failure_ == nullptr) {
    failure_ = failure;
    trace_ = std::move(where.trace);
    scope_.cancel();
  } else if (suppressed_.size() < suppressed_limit) {
    try {
      suppressed_.push_back(failure);
    } catch (const std::bad_alloc&) {
      log::warn("a task failed after its nursery had failed already", {"error", detail::described(failure)});
    }
  }
}

void nursery::rethrow(detail::flow& f) {
  f.trace = std::move(trace_);
  std::rethrow_exception(std::exchange(failure_, nullptr));
}

// Room is offered to one at a time. It looks in its turn whether it is still there, and then passes on what it leaves.
void nursery::offer_room() noexcept {
  if (offered_ != nullptr || wanting_.empty() || !has_room()) return;
  offered_ = wanting_.front();
  offered_->queue_restart();
}

bool nursery::vacant::begin_await(detail::flow& f) noexcept {
  if (f.cancelled()) [[unlikely]] {
    f.request_unwind();
    return false;
  }
  if (f.budget == 0) [[unlikely]] {
    yield_first(f);
    return false;
  }
  return try_or_wait(f);
}

bool nursery::vacant::try_or_wait(detail::flow& f) noexcept {
  if (nursery_->has_room() && nursery_->wanting_.empty()) {
    --f.budget;
    return true;
  }
  park(f);
  nursery_->wanting_.push(*this);
  return false;
}

bool nursery::vacant::restart() noexcept {
  if (yielded()) {
    if (!try_or_wait(host())) return false;
  } else if (cancel_requested()) {
    cancelled_in_turn();
    return true;
  } else if (nursery_ != nullptr) {
    nursery_->offered_ = nullptr;
    if (!nursery_->has_room()) return false;
    nursery_->wanting_.remove(*this);
    nursery_->offer_room();  // its turn follows this task's
  }
  completed_in_turn();
  return true;
}

void nursery::vacant::cancel() noexcept {
  if (nursery_ == nullptr) return;  // its turn is to come
  nursery_->wanting_.remove(*this);
  if (nursery_->offered_ == this) {
    nursery_->offered_ = nullptr;
    nursery_->offer_room();
  } else {
    confirm_cancel();
  }
}

/// The nursery ends, with all the room that there can be. Out of the list already.
void nursery::vacant::released() noexcept {
  const bool queued = nursery_->offered_ == this;
  nursery_ = nullptr;
  if (!queued) complete();
}

}  // namespace wring
