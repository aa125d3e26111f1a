// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <memory>

#include <wring/core/callback/detail/callback_box.hpp>
#include <wring/core/detail/export.hpp>
#include <wring/core/detail/scheduling/scheduler_service.hpp>

namespace wring {
class cooperator;
}

namespace wring::detail {

class pending_call;

/// What a scheduler has for callback code: the delayed calls that are pending, the cooperator that `cooperate` uses,
/// and the box in which completion callbacks leave their values.
class WRING_API callback_service final : public scheduler_service {
 public:
  static constexpr char key = 0;

  explicit callback_service(scheduler& home);
  ~callback_service() override;

  /// That of this thread's scheduler. Throws std::logic_error if there is none.
  [[nodiscard]] static callback_service& current();

  [[nodiscard]] scheduler& home() const noexcept { return home_; }
  /// Whom `cooperate` and `coiterate` give work to.
  [[nodiscard]] cooperator& shared_cooperator();
  /// Where the completion callbacks of `from_callback` report to.
  [[nodiscard]] const std::shared_ptr<callback_box>& box() const noexcept { return box_; }
  /// The delayed calls that are pending; for themselves.
  [[nodiscard]] pending_call*& first_call() noexcept { return first_call_; }

  bool deliver(std::size_t limit) noexcept override;
  bool drop() noexcept override;
  void close() noexcept override;

 private:
  scheduler& home_;
  std::shared_ptr<callback_box> box_;
  std::unique_ptr<cooperator> cooperator_;
  pending_call* first_call_ = nullptr;
};

}  // namespace wring::detail
