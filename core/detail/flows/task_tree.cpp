// SPDX-License-Identifier: MIT
#include <algorithm>
#include <numeric>
#include <string_view>
#include <utility>

#include <wring/core/awaiter.hpp>
#include <wring/core/detail/flows/exception_trace.hpp>
#include <wring/core/detail/flows/task_tree.hpp>
#include <wring/core/timeout.hpp>

namespace wring::detail {

namespace {

template <class T>
void append(std::string& key, const T& value) {
  key.append(reinterpret_cast<const char*>(&value), sizeof value);
}

std::int64_t deadline_of(const scope_node& s) noexcept {
  return s.kind == scope_kind::deadline ? static_cast<const deadline_scope&>(s).when() : task_limits::no_deadline;
}

}  // namespace

task_state state_of(const flow& f) noexcept {
  if (f.sched().running() == &f) return task_state::running;
  if (!f.started) return task_state::not_started;
  switch (f.waits()) {
    case wait_state::yielded:
      return task_state::yielded;
    case wait_state::parked:
      return task_state::waiting;
    case wait_state::cancelling:
      return task_state::cancelling;
    case wait_state::none:
      break;
  }
  return f.queued ? task_state::ready : task_state::ended;
}

task_limits limits_of(const flow& f, const task_limits& outer) noexcept {
  task_limits limits;
  for (const scope_node* s = f.scope;; s = s->parent) {
    limits.deadline = std::min(limits.deadline, deadline_of(*s));
    limits.shielded = s->shielded;
    if (limits.shielded) return limits;  // what is further out cannot reach it
    if (s == &f.root_scope) break;
  }
  limits.deadline = std::min(limits.deadline, outer.deadline);
  return limits;
}

task_frames::task_frames(const flow& f, std::size_t limit) {
  const promise_base* outermost = nullptr;
  for (const await_node* node = f.top; node != nullptr; node = node->parent) {
    if (!node->is_frame()) continue;
    outermost = static_cast<const promise_base*>(node);
    if (shown.size() < limit) {
      shown.push_back(outermost);
    } else {
      ++omitted;
    }
  }
  if (omitted != 0 && !shown.empty()) shown.back() = outermost;
}

const promise_base* awaiting_frame(const nursery_scope& s) {
  // The library's own coroutines around a nursery.
  static constexpr std::string_view library[] = {"wring::nursery::", "wring::with_nursery", "wring::detail::"};
  const promise_base* frame = nullptr;
  for (const await_node* node = s.frame; node != nullptr; node = node->parent) {
    if (!node->is_frame()) continue;
    frame = static_cast<const promise_base*>(node);
    const std::string name = short_function_name(frame->awaiting_at.function_name());
    if (!std::ranges::any_of(library, [&](std::string_view own) { return name.starts_with(own); })) break;
  }
  return frame;
}

task_tree::task_tree(const scope_node& root, std::size_t frame_limit, bool group)
    : frame_limit_(std::max<std::size_t>(frame_limit, 1)), group_(group) {
  struct item {
    const scope_node* scope;
    std::size_t parent;
    task_limits limits;  // that hold around the scope
  };
  std::vector<item> left{{&root, 0, {}}};  // to be visited, the next one last
  while (!left.empty()) {
    auto [scope, parent, limits] = left.back();
    left.pop_back();
    if (scope->owner != nullptr && scope == &scope->owner->root_scope) {
      parent = add_task(parent, *scope->owner, limits);
    } else if (scope->kind != scope_kind::other && scope->kind != scope_kind::deadline) {
      parent = add_scope(parent, *scope);
    }
    if (scope->shielded) limits = {};
    limits.deadline = std::min(limits.deadline, deadline_of(*scope));
    for (const scope_node* s = scope->last_child; s != nullptr; s = s->previous) left.push_back({s, parent, limits});
  }
}

std::size_t task_tree::tasks() const noexcept {
  return std::accumulate(std::begin(counts_), std::end(counts_), std::size_t{0}) - count(task_state::ended);
}

std::size_t task_tree::entry(std::size_t parent, const std::string& key) {
  if (group_) {
    const auto [found, is_new] = by_key_.try_emplace(key, entries_.size());
    if (!is_new) return found->second;
  }
  entries_[parent].children.push_back(entries_.size());
  entries_.emplace_back();
  return entries_.size() - 1;
}

std::size_t task_tree::add_scope(std::size_t parent, const scope_node& s) {
  std::string key;
  append(key, parent);
  append(key, s.kind);
  if (s.kind == scope_kind::nursery) {
    const promise_base* frame = awaiting_frame(static_cast<const nursery_scope&>(s));
    if (frame != nullptr) {
      append(key, frame->awaiting_at.function_name());
      append(key, frame->awaiting_at.line());
    }
  }
  const std::size_t at = entry(parent, key);
  entries_[at].scope = &s;
  return at;
}

std::size_t task_tree::add_task(std::size_t parent, const flow& f, const task_limits& outer) {
  const task_state state = state_of(f);
  ++counts_[static_cast<std::size_t>(state)];
  if (state == task_state::ended) return parent;
  const task_limits limits = limits_of(f, outer);

  std::string key;
  append(key, parent);
  append(key, state);
  append(key, f.cancelled());
  append(key, limits.shielded);
  append(key, limits.deadline == task_limits::no_deadline);
  if (f.leaf != nullptr) append(key, f.leaf->describe().operation);
  const task_frames frames(f, frame_limit_);
  append(key, frames.omitted);
  for (const promise_base* frame : frames.shown) {
    append(key, frame->awaiting_at.function_name());
    append(key, frame->awaiting_at.line());
  }

  const std::size_t at = entry(parent, key);
  task_entry& e = entries_[at];
  if (e.count++ == 0) {
    e.task = &f;
    e.shielded = limits.shielded;
    e.newest_run = f.last_run;
  }
  if (f.last_run < e.task->last_run) e.task = &f;
  e.newest_run = std::max(e.newest_run, f.last_run);
  if (limits.deadline != task_limits::no_deadline) {
    e.first_deadline = std::min(e.first_deadline, limits.deadline);
    e.last_deadline = e.count == 1 ? limits.deadline : std::max(e.last_deadline, limits.deadline);
  }
  return at;
}

}  // namespace wring::detail
