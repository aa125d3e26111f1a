// SPDX-License-Identifier: MIT
#include <cerrno>
#include <csignal>
#include <cstring>
#include <poll.h>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include <wring/core/engine/process_calls.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/scheduler.hpp>
#include <wring/core/shield.hpp>
#include <wring/core/timeout.hpp>
#include <wring/net/files/detail/child.hpp>

namespace wring::net {

std::string process_status::to_string() const {
  switch (end) {
    case process_end::exited:
      return fmt::format("exited with {}", number);
    case process_end::signalled: {
      const char* const name = ::sigabbrev_np(number);
      return fmt::format("killed by signal {} ({}{}){}", number, name == nullptr ? "" : "SIG",
                         name == nullptr ? "unknown" : name, core_dumped ? ", core dumped" : "");
    }
    case process_end::status_lost:
      break;
  }
  return "ended, but its status was lost: SIGCHLD is ignored, or something else waits for all children";
}

}  // namespace wring::net

namespace wring::net::detail {

namespace {

constexpr const char* waiting = "wait for the process";

error_address last_part(const std::string& path) noexcept {
  const std::size_t slash = path.find_last_of('/');
  return error_address::from_text(std::string_view(path).substr(slash == std::string::npos ? 0 : slash + 1));
}

task<> wait_for(child& c) { static_cast<void>(co_await process_wait(&c)); }

task<> end_in_time(child& c) {
  auto wait = [&c] { return wait_for(c); };
  auto bounded = [&] { return move_on_after(c.left().grace, wait); };
  const bool ended = co_await shield(bounded);
  if (!ended) c.terminate(SIGKILL);
  co_await shield(wait);
}

task<> look_after(std::unique_ptr<child> c) {
  const bool ends = c->left().terminate;
  if (ends) {
    co_await end_in_time(*c);
  } else {
    co_await wait_for(*c);
  }
}

}  // namespace

child::child(int id, descriptor pidfd, std::string program, bool leads_group, const abandonment& left) noexcept
    : id_(id), pidfd_(std::move(pidfd)), program_(std::move(program)), leads_group_(leads_group), left_(left) {
  if (pidfd_.get() < 0) status_.emplace();
}

child::~child() {
  if (status_ || reap() || !left_.terminate) return;
  terminate(SIGKILL);
  wring::detail::child_end end;
  static_cast<void>(wring::detail::reap_child(pidfd_.get(), true, end));
}

error_address child::name() const noexcept { return last_part(program_); }

bool child::reap() noexcept {
  if (status_) return true;
  wring::detail::child_end end;
  const int r = wring::detail::reap_child(pidfd_.get(), false, end);
  if (r == -EAGAIN) return false;
  if (r < 0) end.lost = true;
  status_ = process_status{.end = end.lost        ? process_end::status_lost
                                  : end.signalled ? process_end::signalled
                                                  : process_end::exited,
                           .number = end.number,
                           .core_dumped = end.core};
  return true;
}

bool child::signal(int number, bool group) noexcept {
  // Until it has been reaped, its number is nobody else's.
  if (status_) return false;
  if (group) return leads_group_ && wring::detail::signal_group(id_, number) == 0;
  return wring::detail::signal_child(pidfd_.get(), number) == 0;
}

void child::terminate(int number) noexcept {
  if (!signal(number, true)) static_cast<void>(signal(number, false));
}

process_wait::process_wait(child* c) noexcept : child_(c) {
  code = op_code::poll;
  flags = POLLIN;
  on_completion = [](operation& op, completion done) noexcept { static_cast<process_wait&>(op).ended(done.result); };
}

bool process_wait::ready() noexcept { return child_ == nullptr || child_->reap(); }

void process_wait::suspend() noexcept {
  fd = child_->pidfd();
  ++child_->waits;
  home().engine().submit(*this);
}

void process_wait::cancel() noexcept { home().engine().cancel(*this); }

void process_wait::ended(std::int32_t value) noexcept {
  if (value >= 0 && !cancel_requested() && !child_->reap()) return home().engine().submit(*this);
  --child_->waits;
  if (cancel_requested() && (value >= 0 || value == -ECANCELED)) return confirm_cancel();
  if (value < 0) fault_ = value;
  complete();
}

wring::result<process_status> process_wait::take_result() const noexcept {
  if (child_ == nullptr) return error(errc::closed, waiting);
  if (fault_ != 0) return error::from_errno(fault_, waiting).with_address(child_->name());
  return *child_->status();
}

wait_description process_wait::describe() const noexcept {
  return {.operation = waiting, .fd = fd, .address = child_ == nullptr ? error_address() : child_->name()};
}

void abandon(std::unique_ptr<child> c) noexcept {
  scheduler* const here = scheduler::try_current();
  if (here == nullptr || c->reap()) return;
  // Now, as the task may not get so far if the program is ending.
  if (c->left().terminate && c->left().grace > duration()) c->terminate(SIGTERM);
  try {
    here->root().start(look_after, std::move(c));
  } catch (...) {
    // Then it is ended without grace, by its destructor.
    c.reset();
  }
}

}  // namespace wring::net::detail
