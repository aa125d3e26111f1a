// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <unordered_map>
#include <vector>

#include <wring/core/scheduler.hpp>

namespace wring::detail {

/// What a task does at the moment.
enum class task_state : std::uint8_t { running, ready, waiting, cancelling, yielded, not_started, ended };

[[nodiscard]] task_state state_of(const flow& f) noexcept;

/// What holds for a task because of the scopes it runs in.
struct task_limits {
  static constexpr std::int64_t no_deadline = end_of_time;

  std::int64_t deadline = no_deadline;  ///< the earliest that can still reach it
  bool shielded = false;                ///< by an adaptor of its own
};

/// The limits of a task. `outer` are those that hold where its own scopes begin.
[[nodiscard]] task_limits limits_of(const flow& f, const task_limits& outer) noexcept;

/// The frames of a task, the innermost first.
struct task_frames {
  task_frames(const flow& f, std::size_t limit);

  std::vector<const promise_base*> shown;
  std::size_t omitted = 0;  ///< before the last one
};

/// One entry of a dump: a task, siblings that are alike, or (without a task) a scope that has tasks below it.
struct task_entry {
  std::vector<std::size_t> children;
  const scope_node* scope = nullptr;  ///< of a nursery, when_all or when_any
  const flow* task = nullptr;         ///< the one that ran longest ago
  std::size_t count = 0;
  bool shielded = false;  ///< see task_limits
  std::int64_t newest_run = 0;
  std::int64_t first_deadline = task_limits::no_deadline;
  std::int64_t last_deadline = 0;
};

/// The live tasks below a scope, with those grouped that have the same parent entry, frames and state.
class task_tree {
 public:
  task_tree(const scope_node& root, std::size_t frame_limit, bool group);

  /// The first one is the root, and nothing else.
  [[nodiscard]] const std::vector<task_entry>& entries() const noexcept { return entries_; }
  [[nodiscard]] std::size_t count(task_state s) const noexcept { return counts_[static_cast<std::size_t>(s)]; }
  [[nodiscard]] std::size_t tasks() const noexcept;

 private:
  std::size_t entry(std::size_t parent, const std::string& key);
  std::size_t add_scope(std::size_t parent, const scope_node& s);
  std::size_t add_task(std::size_t parent, const flow& f, const task_limits& outer);

  std::size_t frame_limit_;
  bool group_;
  std::vector<task_entry> entries_{1};
  std::unordered_map<std::string, std::size_t> by_key_;
  std::size_t counts_[static_cast<std::size_t>(task_state::ended) + 1] = {};
};

/// Where a nursery is run: the innermost frame around nursery::run that is not the library's. Null for the root
/// nursery.
[[nodiscard]] const promise_base* awaiting_frame(const nursery_scope& s);

}  // namespace wring::detail
