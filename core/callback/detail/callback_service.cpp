// SPDX-License-Identifier: MIT
#include <utility>

#include <wring/core/callback/detail/callback_service.hpp>
#include <wring/core/scheduler.hpp>

namespace wring::detail {

callback_service::callback_service(scheduler& home) : home_(home), box_(std::make_shared<callback_box>(home)) {}

callback_service::~callback_service() = default;

callback_service& callback_service::current() { return scheduler::current().service<callback_service>(); }

void callback_service::add(outstanding_work& w) noexcept {
  w.next_ = first_;
  if (first_ != nullptr) first_->previous_ = &w;
  first_ = &w;
}

void callback_service::remove(outstanding_work& w) noexcept {
  (w.previous_ != nullptr ? w.previous_->next_ : first_) = w.next_;
  if (w.next_ != nullptr) w.next_->previous_ = w.previous_;
}

bool callback_service::deliver(std::size_t limit) noexcept {
  box_->deliver(limit);
  return box_->waiting();
}

bool callback_service::drop() noexcept {
  const bool cooperated = std::exchange(cooperator_, nullptr) != nullptr;
  const bool called = first_ != nullptr;
  // What the functions own may make further calls when it is destroyed: those are dropped as well.
  while (first_ != nullptr) first_->drop();
  return box_->drop_outstanding() || called || cooperated;
}

void callback_service::close() noexcept { box_->close(); }

}  // namespace wring::detail
