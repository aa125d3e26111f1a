// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

#include <wring/core/detail/export.hpp>

namespace wring {
class scheduler;
}

namespace wring::detail {

/// What is a scheduler's own and lives as long, and of which the scheduler knows no more than this: whoever needs it
/// makes it with `scheduler::service<S>()`. A derived class has `static constexpr char key`, whose address stands for
/// its type, and a constructor that takes the scheduler. The scheduler's thread.
class WRING_API scheduler_service {
 public:
  scheduler_service(const scheduler_service&) = delete;
  scheduler_service& operator=(const scheduler_service&) = delete;
  virtual ~scheduler_service();

  /// In a turn, after `scheduler::service_has_work`: hands over at most `limit` of what has arrived. Whether there is
  /// more, for a later turn.
  [[nodiscard]] virtual bool deliver(std::size_t limit) noexcept = 0;

  /// The scheduler ends, and its tasks have ended: drops what is pending. Whether anything was; it may have owned what
  /// begins new work when it is destroyed, so it is asked again.
  [[nodiscard]] virtual bool drop() noexcept = 0;

  /// No task is left and nothing will be delivered any more: refuses everything from now on.
  virtual void close() noexcept = 0;

 protected:
  scheduler_service() noexcept = default;

 private:
  friend class wring::scheduler;
  const void* key_ = nullptr;
  scheduler_service* next_ = nullptr;
};

}  // namespace wring::detail
