// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include <wring/core/awaiter.hpp>
#include <wring/core/detail/awaiting/operand.hpp>
#include <wring/core/engine/engine.hpp>
#include <wring/core/result.hpp>
#include <wring/net/descriptor.hpp>
#include <wring/net/files/command.hpp>
#include <wring/net/files/process_status.hpp>

namespace wring::net::detail {

/// A process that was started here. If it has not ended when this is destroyed, that ends it, unless it is to run on.
class WRING_API child {
 public:
  child(int id, descriptor pidfd, std::string program, bool leads_group, const abandonment& left) noexcept;
  child(const child&) = delete;
  child& operator=(const child&) = delete;
  ~child();

  [[nodiscard]] int id() const noexcept { return id_; }
  [[nodiscard]] int pidfd() const noexcept { return pidfd_.get(); }
  [[nodiscard]] const abandonment& left() const noexcept { return left_; }
  [[nodiscard]] bool leads_group() const noexcept { return leads_group_; }
  [[nodiscard]] error_address name() const noexcept;

  [[nodiscard]] const std::optional<process_status>& status() const noexcept { return status_; }
  /// Takes the status if it has ended. Whether it has.
  bool reap() noexcept;
  /// To the process, or to its group. False: it has ended, or its end was never known.
  bool signal(int number, bool group) noexcept;
  /// Asks it to end, and the group that it leads.
  void terminate(int number) noexcept;

  unsigned waits = 0;  ///< tasks that wait for it

 private:
  int id_;
  descriptor pidfd_;
  std::string program_;
  bool leads_group_;
  abandonment left_;
  std::optional<process_status> status_;
};

/// Waits until it has ended. Returning: the status stays.
class WRING_API process_wait final : public leaf<process_wait, process_status>, operation {
 public:
  explicit process_wait(child* c) noexcept;

  bool ready() noexcept;
  void suspend() noexcept;
  void cancel() noexcept override;
  process_status take() { return take_result().take(); }
  wring::result<process_status> take_result() const noexcept;
  [[nodiscard]] wait_description describe() const noexcept override;

 private:
  void ended(std::int32_t value) noexcept;

  child* child_;
  int fault_ = 0;
};

/// Ends a process whose owner is gone, in the scheduler's root nursery, or lets it run on.
void abandon(std::unique_ptr<child> c) noexcept;

}  // namespace wring::net::detail
