// SPDX-License-Identifier: MIT
#include <cerrno>
#include <csignal>

#include <wring/core/detail/destroyed_in_use.hpp>
#include <wring/core/engine/pipe_calls.hpp>
#include <wring/core/timeout.hpp>
#include <wring/net/files/detail/command_access.hpp>
#include <wring/net/files/detail/file_work.hpp>
#include <wring/net/files/process.hpp>

namespace wring::net {

using wring::detail::pipe_access;

namespace {

constexpr const char* starting = "start";

}  // namespace

process& process::operator=(process&& other) noexcept {
  child_.swap(other.child_);
  input_ = std::move(other.input_);
  output_ = std::move(other.output_);
  error_ = std::move(other.error_);
  std::swap(terminal_, other.terminal_);
  return *this;
}

process::~process() {
  if (child_ == nullptr) return;
  if (child_->waits != 0) wring::detail::destroyed_in_use("a process");
  detail::abandon(std::move(child_));
}

void process::resize_terminal(terminal_size size) {
  constexpr const char* what = "resize the terminal of";
  const int fd = terminal_.reader().native_handle();
  const int r = fd < 0 ? -EBADF : wring::detail::set_terminal_size(fd, size.rows, size.columns);
  if (r < 0) {
    const auto whose = child_ == nullptr ? error_address() : child_->name();
    wring::error::from_errno(r, what).with_address(whose).raise();
  }
}

task<process_status> process::end(duration grace) {
  if (child_ != nullptr && !child_->reap()) {
    bool ended = false;
    if (grace > duration()) {
      child_->terminate(SIGTERM);
      const auto in_time = co_await move_on_after(grace, wait());
      ended = in_time.has_value();
    }
    if (!ended) child_->terminate(SIGKILL);
  }
  const process_status status = co_await wait();
  co_return status;
}

task<process> spawn(command what) {
  detail::require_files(starting, what.program());
  detail::prepared_child ready;
  detail::command_access::prepare(what, ready);
  process made;
  auto start = [&] { return wring::detail::start_child(ready.start); };
  const wring::detail::started_child started = co_await offload(thread_pool::files(), start);
  if (started.directory_failed) {
    detail::raise_about_file(started.error_number, "enter", detail::command_access::directory_of(what),
                             "it is the directory in which a process was to be started");
  }
  if (started.error_number != 0) detail::raise_about_file(started.error_number, starting, what.program());
  made.child_ = std::make_unique<detail::child>(started.id, descriptor(started.pidfd), what.program(),
                                                detail::command_access::leads_group(what),
                                                detail::command_access::abandonment_of(what));
  const error_address name = made.child_->name();
  if (ready.input.get() >= 0) made.input_ = detail::pipe_ends::writer(std::move(ready.input), pipe_access::own, name);
  if (ready.output.get() >= 0)
    made.output_ = detail::pipe_ends::reader(std::move(ready.output), pipe_access::own, name);
  if (ready.error.get() >= 0) made.error_ = detail::pipe_ends::reader(std::move(ready.error), pipe_access::own, name);
  if (ready.terminal.get() >= 0) {
    const int copy = wring::detail::duplicate(ready.terminal.get());
    if (copy < 0) detail::raise_about_file(copy, starting, what.program());
    descriptor to_write(copy);
    made.terminal_ = pipe_stream(detail::pipe_ends::reader(std::move(ready.terminal), pipe_access::own, name, true),
                                 detail::pipe_ends::writer(std::move(to_write), pipe_access::own, name));
  }
  co_return made;
}

}  // namespace wring::net
