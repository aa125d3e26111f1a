// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <source_location>
#include <string>

#include <wring/core/awaiter.hpp>
#include <wring/core/detail/export.hpp>
#include <wring/core/steady_clock.hpp>

namespace wring {

namespace detail {
class flow;
}

/// A task, as a `scheduler_observer` sees it. It is a reference: valid until `task_ended` has returned, on the
/// scheduler's thread.
class WRING_API task_info {
 public:
  explicit task_info(const detail::flow& task) noexcept : task_(&task) {}

  /// Distinguishes it from all other tasks that exist at the time.
  [[nodiscard]] std::uintptr_t id() const noexcept { return reinterpret_cast<std::uintptr_t>(task_); }

  /// Its outermost function, without parameters and template arguments: "chat::talk". "task" while it has not begun,
  /// and when it has ended.
  [[nodiscard]] std::string name() const;

  /// Where its innermost function awaits, or last awaited; none before it has begun and after it has ended.
  [[nodiscard]] std::optional<std::source_location> awaiting_at() const noexcept;

  /// What it is suspended on; none if it runs, is ready to run, or has yielded.
  [[nodiscard]] std::optional<wait_description> awaits() const noexcept;

  /// When it last ran, as the time at which that turn began: it has waited since then.
  [[nodiscard]] steady_clock::time_point since() const noexcept;

  /// Its scope has been cancelled: it ends where it awaits.
  [[nodiscard]] bool cancelled() const noexcept;

  /// The task whose nursery or combinator it belongs to; none for main and for tasks of a scheduler's root nursery.
  [[nodiscard]] std::optional<task_info> parent() const noexcept;

 private:
  const detail::flow* task_;
};

}  // namespace wring
