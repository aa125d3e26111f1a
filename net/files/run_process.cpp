// SPDX-License-Identifier: MIT
#include <algorithm>
#include <csignal>

#include <wring/core/finally.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/shield.hpp>
#include <wring/core/sync/latch.hpp>
#include <wring/core/this_task.hpp>
#include <wring/core/timeout.hpp>
#include <wring/net/files/detail/command_access.hpp>
#include <wring/net/files/process.hpp>
#include <wring/net/files/run_process.hpp>

namespace wring::net {

namespace {

constexpr duration killing = std::chrono::seconds(5);

/// One run of a process.
class running {
 public:
  running(process& p, const run_process_options& options, process_output& into) noexcept
      : process_(p), options_(options), into_(into) {}

  task<> converse() {
    co_await with_nursery([this](nursery& n) -> task<> {
      child_handle feeding = n.start([this]() -> task<> { return feed(); });
      n.start([this]() -> task<> { return collect(process_.output(), into_.output); });
      n.start([this]() -> task<> { return collect(process_.error(), into_.error); });
      into_.status = co_await process_.wait();
      feeding.cancel();
      const bool all = co_await move_on_after(options_.linger, collected_.wait());
      into_.left_open = !all;
      if (!all) n.cancel();
    });
  }

 private:
  task<> feed() {
    if (!process_.input().is_open()) co_return;
    // A process need not read its input to the end.
    const auto written = co_await process_.input().write_all(options_.input).result();
    if (!written && written.error() != std::errc::broken_pipe) written.error().raise();
    co_await process_.input().close();
  }

  task<> collect(pipe_reader& from, std::string& text) {
    const bool there = from.is_open();
    while (there) {
      const buffer_lease chunk = co_await from.read_some();
      if (!chunk) break;
      const std::size_t fits = std::min(chunk.size(), options_.output_limit - text.size());
      text.append(reinterpret_cast<const char*>(chunk.data()), fits);
      if (fits == chunk.size()) continue;
      into_.over_limit = true;
      if (!process_.signal_group(SIGKILL)) process_.signal(SIGKILL);
      break;
    }
    collected_.count_down();
  }

  process& process_;
  const run_process_options& options_;
  process_output& into_;
  latch collected_{2};
};

}  // namespace

task<process_output> run_process(command what, run_process_options options) {
  using access = detail::command_access;
  if (access::is_inherited(access::input_of(what))) {
    what.input(options.input.empty() ? process_io::null() : process_io::pipe());
  }
  if (access::is_inherited(access::output_of(what))) what.output(process_io::pipe());
  if (access::is_inherited(access::error_of(what))) what.error(process_io::pipe());
  const abandonment left = access::abandonment_of(what);
  process p = co_await spawn(std::move(what));
  process_output result;
  running run(p, options, result);
  auto body = [&] { return run.converse(); };
  auto end = [&]() -> task<> {
    const bool ends = left.terminate;
    if (ends) static_cast<void>(co_await p.end(left.grace));
  };
  // Cancelled while it was started.
  if (this_task::cancelled()) co_await shield(end);
  // After the kill, the end takes no time that others could prolong.
  const duration limit = std::max(left.grace, duration()) + killing;
  co_await finally(body, end, limit);
  co_return result;
}

}  // namespace wring::net
