// SPDX-License-Identifier: MIT
#include <utility>

#include <wring/core/callback/cooperator.hpp>
#include <wring/core/callback/detail/callback_service.hpp>
#include <wring/core/callback/detail/pending_call.hpp>
#include <wring/core/scheduler.hpp>

namespace wring::detail {

callback_service::callback_service(scheduler& home) : home_(home), box_(std::make_shared<callback_box>(home)) {}

callback_service::~callback_service() = default;

callback_service& callback_service::current() { return scheduler::current().service<callback_service>(); }

cooperator& callback_service::shared_cooperator() {
  if (cooperator_ == nullptr) cooperator_ = std::make_unique<cooperator>();
  return *cooperator_;
}

bool callback_service::deliver(std::size_t limit) noexcept {
  box_->deliver(limit);
  return box_->waiting();
}

bool callback_service::drop() noexcept {
  const bool cooperated = std::exchange(cooperator_, nullptr) != nullptr;
  const bool called = pending_call::drop_all(*this);
  return box_->drop_outstanding() || called || cooperated;
}

void callback_service::close() noexcept { box_->close(); }

}  // namespace wring::detail
