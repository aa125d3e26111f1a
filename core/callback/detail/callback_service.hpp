// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <memory>

#include <wring/core/callback/detail/callback_box.hpp>
#include <wring/core/detail/export.hpp>
#include <wring/core/detail/scheduling/scheduler_service.hpp>

namespace wring::detail {

/// Work that is to be done at some time, and is dropped with the scheduler.
class outstanding_work {
 public:
  outstanding_work() noexcept = default;
  outstanding_work(const outstanding_work&) = delete;
  outstanding_work& operator=(const outstanding_work&) = delete;

 protected:
  ~outstanding_work() = default;

 private:
  friend class callback_service;
  /// The scheduler ends: unlinks itself.
  virtual void drop() noexcept = 0;

  outstanding_work* previous_ = nullptr;
  outstanding_work* next_ = nullptr;
};

/// What a scheduler has for callback code: the delayed calls that are pending, the cooperator that `cooperate` uses,
/// and the box in which completion callbacks leave their values.
class WRING_API callback_service final : public scheduler_service {
 public:
  static constexpr char key = 0;

  explicit callback_service(scheduler& home);
  ~callback_service() override;

  /// The service of this thread's scheduler. Throws std::logic_error if there is none.
  [[nodiscard]] static callback_service& current();

  [[nodiscard]] scheduler& home() const noexcept { return home_; }
  /// The cooperator that `cooperate` and `coiterate` add work to.
  [[nodiscard]] std::shared_ptr<void>& shared_cooperator() noexcept { return cooperator_; }
  /// Where the completion callbacks of `from_callback` report to.
  [[nodiscard]] const std::shared_ptr<callback_box>& box() const noexcept { return box_; }
  /// The delayed calls that are pending.
  void add(outstanding_work& w) noexcept;
  void remove(outstanding_work& w) noexcept;

  bool deliver(std::size_t limit) noexcept override;
  bool drop() noexcept override;
  void close() noexcept override;

 private:
  scheduler& home_;
  std::shared_ptr<callback_box> box_;
  std::shared_ptr<void> cooperator_;
  outstanding_work* first_ = nullptr;
};

}  // namespace wring::detail
