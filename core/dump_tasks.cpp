// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstdio>
#include <iterator>
#include <limits>
#include <new>
#include <string_view>

#include <fmt/format.h>

#include <wring/core/detail/flows/exception_trace.hpp>
#include <wring/core/detail/flows/print_dump.hpp>
#include <wring/core/detail/flows/task_tree.hpp>
#include <wring/core/dump_tasks.hpp>
#include <wring/core/log_context.hpp>

// tools/gdb/wring.py prints the same from outside: what is changed here is to be changed there.
namespace wring {

namespace {

using detail::task_entry;
using detail::task_state;

/// "7ms", "12.4s", "5m12s", "3h05m", "2d03h", rounded down.
std::string in_words(std::int64_t nanoseconds) {
  const std::int64_t ms = nanoseconds / 1'000'000;
  const std::int64_t seconds = ms / 1000;
  if (seconds == 0) return fmt::format("{}ms", ms);
  if (seconds < 60) return fmt::format("{}.{}s", seconds, ms % 1000 / 100);
  const std::int64_t minutes = seconds / 60;
  if (minutes < 60) return fmt::format("{}m{:02}s", minutes, seconds % 60);
  if (minutes < 24 * 60) return fmt::format("{}h{:02}m", minutes / 60, minutes % 60);
  return fmt::format("{}d{:02}h", minutes / (24 * 60), minutes / 60 % 24);
}

std::string range(std::int64_t from, std::int64_t to) {
  std::string first = in_words(from);
  const std::string last = in_words(to);
  return first == last ? first : first + " to " + last;
}

std::string text_of(const std::source_location& where) {
  const std::string_view file(where.file_name());
  return fmt::format("{} ({}:{})", detail::short_function_name(where.function_name()),
                     file.substr(file.find_last_of('/') + 1), where.line());
}

class dump {
 public:
  dump(scheduler& of, const task_dump_options& options)
      : scheduler_(of),
        now_(of.clock_now()),
        entry_limit_(options.all ? unlimited : options.entries),
        frame_limit_(options.all ? unlimited : options.frames),
        tree_(of.root_scope(), frame_limit_, !options.all) {}

  std::string take() {
    add_summary();
    add_entries();
    return std::move(text_);
  }

 private:
  static constexpr std::size_t deepest = 32;  // level of indentation

  template <class... Args>
  void add(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(text_), format, std::forward<Args>(args)...);
  }

  void add_summary() {
    add("wring: task dump: {} tasks", tree_.tasks());
    std::string_view before = " (";
    const auto add_count = [&](std::size_t count, std::string_view what) {
      if (count == 0) return;
      add("{}{} {}", before, count, what);
      before = ", ";
    };
    add_count(tree_.count(task_state::waiting) + tree_.count(task_state::cancelling), "waiting");
    add_count(tree_.count(task_state::ready) + tree_.count(task_state::yielded), "ready");
    add_count(tree_.count(task_state::not_started), "not started");
    add_count(tree_.count(task_state::running), "running");
    text_ += before == " (" ? ", " : "), ";

    const engine& engine = scheduler_.engine();
    add("{} operations in flight", engine.in_flight());
    before = " (";
    for (std::size_t i = 0; i != op_codes; ++i) {
      const auto code = static_cast<op_code>(i);
      const bool multishot = facts_of(code).multishot && code != op_code::accept_multishot;
      add_count(engine.in_flight(code), fmt::format("{}{}", to_string(code), multishot ? " multishot" : ""));
    }
    text_ += before == " (" ? ", " : "), ";
    add("{} timers, engine {}\n", scheduler_.timers().size(), engine.name());
  }

  void add_entries() {
    struct item {
      std::size_t entry;
      std::size_t depth;
    };
    std::vector<item> left;  // the next one last
    const auto push_children = [&](std::size_t of, std::size_t depth) {
      const std::vector<std::size_t>& children = tree_.entries()[of].children;
      for (auto child = children.rbegin(); child != children.rend(); ++child) left.push_back({*child, depth});
    };
    std::size_t shown = 0, hidden = 0, hidden_tasks = 0, shown_scopes = 0, hidden_scopes = 0;
    push_children(0, 0);
    while (!left.empty()) {
      const auto [at, depth] = left.back();
      left.pop_back();
      const task_entry& e = tree_.entries()[at];
      push_children(at, depth + 1);
      if (e.scope != nullptr) {
        if (e.children.empty()) continue;
        if (shown < entry_limit_ && shown_scopes < entry_limit_) {
          ++shown_scopes;
          add_scope(*e.scope, depth);
        } else {
          ++hidden_scopes;
        }
      } else if (shown < entry_limit_) {
        ++shown;
        add_task(e, depth);
      } else {
        ++hidden;
        hidden_tasks += e.count;
      }
    }
    if (hidden != 0) add("... and {} more entries with {} tasks (task_dump_options::entries)\n", hidden, hidden_tasks);
    if (hidden == 0 && hidden_scopes != 0) {
      add("... and {} more nurseries and groups (task_dump_options::entries)\n", hidden_scopes);
    }
  }

  // Very deep entries state their depth and are not indented further: the text would be as long as the depth squared.
  void indent(std::size_t depth) {
    text_.append(2 * std::min(depth, deepest), ' ');
    if (depth > deepest) add("[depth {}] ", depth);
  }
  void indent_frame(std::size_t depth) { text_.append(2 * std::min(depth, deepest) + 4, ' '); }

  void add_scope(const detail::scope_node& s, std::size_t depth) {
    indent(depth);
    switch (s.kind) {
      case detail::scope_kind::when_all:
        text_ += "when_all";
        break;
      case detail::scope_kind::when_any:
        text_ += "when_any";
        break;
      default:
        if (const auto* frame = detail::awaiting_frame(static_cast<const detail::nursery_scope&>(s))) {
          text_ += "nursery in " + text_of(frame->awaiting_at);
        } else {
          text_ += "root nursery";
        }
    }
    text_ += s.cancelled ? ", cancelled\n" : "\n";
  }

  void add_task(const task_entry& e, std::size_t depth) {
    const detail::flow& f = *e.task;
    const detail::task_frames frames(f, frame_limit_);
    indent(depth);
    if (e.count > 1) add("{} x ", e.count);
    text_ +=
        frames.shown.empty() ? "task" : detail::short_function_name(frames.shown.back()->awaiting_at.function_name());
    add_fields(f);
    add_state(e);
    add_limits(e);
    text_ += '\n';
    for (std::size_t i = 0; i != frames.shown.size(); ++i) {
      indent_frame(depth);
      if (frames.omitted != 0 && i + 1 == frames.shown.size()) {
        add("... and {} more frames\n", frames.omitted);
        indent_frame(depth);
      }
      text_ += text_of(frames.shown[i]->awaiting_at) + '\n';
    }
  }

  void add_fields(const detail::flow& f) {
    for (const log::detail::task_field* field : log::detail::task_fields(f.context.get())) {
      add(" {}=", field->key);
      log::detail::append_value(text_, field->text);
    }
  }

  void add_state(const task_entry& e) {
    const bool several = e.count > 1;
    switch (detail::state_of(*e.task)) {
      case task_state::running:
        text_ += ": running";
        return;
      case task_state::not_started:
        text_ += ": not started yet";
        return;
      case task_state::ready:
        text_ += ": ready to run";
        return;
      case task_state::yielded:
        text_ += several ? ": have yielded before: " : ": has yielded before: ";
        break;
      case task_state::cancelling:
        text_ += ": being cancelled, ";
        text_ += several ? "wait " : "waits ";
        break;
      default:
        text_ += several ? ": wait " : ": waits ";
    }
    if (detail::state_of(*e.task) != task_state::yielded) {
      text_ += range(now_ - e.newest_run, now_ - e.task->last_run) + ": ";
    }
    const wait_description wait = e.task->leaf->describe();
    text_ += wait.operation;
    if (!wait.address.empty()) add(" {}", wait.address);
    if (wait.fd >= 0) add(" (descriptor {})", wait.fd);
    if (wait.progress != nullptr) add(" ({} for {})", wait.progress, in_words(wait.so_far));
  }

  void add_limits(const task_entry& e) {
    if (e.first_deadline <= now_) {
      add("; deadline passed {} ago", in_words(detail::time_between(e.first_deadline, now_)));
    } else if (e.first_deadline != detail::task_limits::no_deadline) {
      add("; deadline in {}", range(e.first_deadline - now_, e.last_deadline - now_));
    }
    if (e.task->cancelled()) text_ += "; cancelled";
    if (e.shielded) text_ += "; shielded";
  }

  scheduler& scheduler_;
  std::int64_t now_;
  std::size_t entry_limit_;
  std::size_t frame_limit_;
  detail::task_tree tree_;
  std::string text_;
};

}  // namespace

std::string dump_tasks(scheduler& of, const task_dump_options& options) { return dump(of, options).take(); }

void detail::print_dump(scheduler& of) noexcept {
  try {
    std::fputs(dump_tasks(of).c_str(), stderr);
  } catch (const std::bad_alloc&) {
    std::fputs("wring: there is no memory for a task dump\n", stderr);
  }
}

std::string dump_tasks(const task_dump_options& options) { return dump_tasks(scheduler::current(), options); }

}  // namespace wring
