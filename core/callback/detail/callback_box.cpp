// SPDX-License-Identifier: MIT
#include <string_view>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include <wring/core/callback/detail/callback_box.hpp>
#include <wring/core/log.hpp>
#include <wring/core/scheduler.hpp>

namespace wring::detail {

bool callback_box::push(callback_state& s) noexcept {
  const std::lock_guard lock(mutex_);
  if (closed_) return false;
  s.next_posted_ = nullptr;
  (last_ != nullptr ? last_->next_posted_ : first_) = &s;
  last_ = &s;
  // Within the lock: the scheduler is there as long as the box is not closed.
  if (!waiting_.exchange(true, std::memory_order_seq_cst)) home_.service_has_work();
  return true;
}

bool callback_box::at_home() noexcept {
  const scheduler* const here = scheduler::try_current();
  if (here != &home_) return false;
  // Another one may have been made in the same place.
  const std::lock_guard lock(mutex_);
  return !closed_;
}

void callback_box::deliver(std::size_t limit) noexcept {
  if (taken_ == nullptr) {
    const std::lock_guard lock(mutex_);
    waiting_.store(false, std::memory_order_seq_cst);
    taken_ = std::exchange(first_, nullptr);
    last_ = nullptr;
  }
  for (; taken_ != nullptr && limit != 0; --limit) {
    callback_state& s = *taken_;
    taken_ = s.next_posted_;
    s.arrive();
    s.release();
  }
  if (taken_ != nullptr) waiting_.store(true, std::memory_order_seq_cst);
}

bool callback_box::drop_outstanding() noexcept {
  const bool any = outstanding_ != nullptr;
  for (;;) {
    while (waiting()) deliver(static_cast<std::size_t>(-1));
    if (outstanding_ == nullptr) return any;
    if (outstanding_->withdraw()) {
      outstanding_->arrive();
    } else {
      std::this_thread::yield();  // it is being called on another thread, which will have pushed it soon
    }
  }
}

void callback_box::close() noexcept {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  // Nothing waits for these: their deferreds have been fired.
  while (waiting()) deliver(static_cast<std::size_t>(-1));
}

callback_state::callback_state(std::shared_ptr<callback_box> box, const std::source_location& made)
    : box_(std::move(box)), made_(made), next_(box_->outstanding_) {
  if (next_ != nullptr) next_->previous_ = this;
  box_->outstanding_ = this;
}

bool callback_state::claim() noexcept {
  if (!called_.exchange(true, std::memory_order_acq_rel)) return true;
  if (!complained_.exchange(true, std::memory_order_relaxed)) {
    const std::string_view file(made_.file_name());
    log::warn("a completion callback was called more than once: only the first call counts",
              {"made_at", fmt::format("{}:{}", file.substr(file.find_last_of('/') + 1), made_.line())});
  }
  return false;
}

bool callback_state::withdraw() noexcept {
  if (called_.load(std::memory_order_acquire)) return false;
  complained_.store(true, std::memory_order_relaxed);  // a later call is not the second one
  return !called_.exchange(true, std::memory_order_acq_rel);
}

void callback_state::post() noexcept {
  retain();
  if (!box_->push(*this)) release();
}

void callback_state::arrive() noexcept {
  retain();
  fire();
  leave();
  release();
}

void callback_state::leave() noexcept {
  if (!std::exchange(outstanding_, false)) return;
  (previous_ != nullptr ? previous_->next_ : box_->outstanding_) = next_;
  if (next_ != nullptr) next_->previous_ = previous_;
  release();
}

void callback_state::last_copy_gone() noexcept {
  if (!called_.exchange(true, std::memory_order_acq_rel)) {
    if (at_home()) {
      arrive();
    } else {
      post();
    }
  }
  release();
}

}  // namespace wring::detail
