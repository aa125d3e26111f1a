// SPDX-License-Identifier: MIT
#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <wring/core/detail/scheduling/frame_recycler.hpp>
#include <wring/core/engine/kernel_engine.hpp>
#include <wring/core/scheduler.hpp>
#include <wring/core/testing/leak_check.hpp>

namespace wring::testing {

leak_check::leak_check() : descriptors_(open_descriptors()), before_(count()) {}

leak_check::counts leak_check::count() noexcept {
  counts now;
  now.frames = detail::frame_recycler::stats().live_blocks;
  if (const scheduler* s = scheduler::try_current()) {
    const scheduler_stats stats = s->stats();
    now.timers = static_cast<std::int64_t>(stats.timers);
    now.buffers = stats.buffers_leased;
    now.blocks = static_cast<std::int64_t>(stats.blocks_leased);
    now.operations = static_cast<std::int64_t>(stats.operations);
    now.tasks = static_cast<std::int64_t>(stats.tasks_started - stats.tasks_ended);
    now.scheduler = s;
  }
  return now;
}

engine::descriptors leak_check::open_descriptors() {
  scheduler* const s = scheduler::try_current();
  return s != nullptr ? s->engine().open_descriptors() : wring::detail::open_descriptors_in_kernel();
}

std::string leak_check::check() const {
  const counts now = count();
  std::string found;
  const auto report = [&](std::int64_t more, const char* one, const char* several) {
    if (more <= 0) return;
    fmt::format_to(std::back_inserter(found), "{}{} {}", found.empty() ? "" : "; ", more, more == 1 ? one : several);
  };

  const engine::descriptors open = open_descriptors();
  decltype(open.all) leaked;
  if (open.numbers_of == descriptors_.numbers_of) {
    std::ranges::set_difference(open.all, descriptors_.all, std::back_inserter(leaked));
  }
  report(static_cast<std::int64_t>(leaked.size()), "descriptor", "descriptors");
  for (const auto& [number, target] : leaked) {
    fmt::format_to(std::back_inserter(found), "{} {} ({})", number == leaked.front().first ? ":" : ",", number, target);
  }
  report(now.frames - before_.frames, "frame", "frames");
  if (now.scheduler == before_.scheduler) {
    report(now.timers - before_.timers, "armed timer", "armed timers");
    report(now.buffers - before_.buffers, "leased buffer", "leased buffers");
    report(now.blocks - before_.blocks, "leased block", "leased blocks");
    report(now.operations - before_.operations, "operation in flight", "operations in flight");
    report(now.tasks - before_.tasks, "task", "tasks");
  }
  return found;
}

}  // namespace wring::testing
