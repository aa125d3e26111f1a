// SPDX-License-Identifier: MIT
#include <csignal>
#include <mutex>
#include <string_view>
#include <unistd.h>

#include <wring/core/detail/process/dump_signal.hpp>
#include <wring/core/detail/process/signal_hub.hpp>
#include <wring/core/detail/process/signal_targets.hpp>
#include <wring/core/scheduler.hpp>

namespace wring::detail {

namespace {

constexpr std::size_t disabled = signal_targets::most;

constinit signal_targets targets;
std::mutex registration;
std::size_t users = 0;

void on_quit(int) noexcept {
  targets.tell([](scheduler& s) noexcept {
    if (s.request_dump_from_anywhere()) return;
    constexpr std::string_view stuck =
        "wring: no task dump since the last SIGQUIT: a task runs without awaiting, or blocks the thread; attach gdb\n";
    [[maybe_unused]] const ::ssize_t written = ::write(STDERR_FILENO, stuck.data(), stuck.size());
  });
}

constinit signal_receiver quit(signal_bit(SIGQUIT), on_quit);

}  // namespace

dump_signal::dump_signal(scheduler& s, bool enabled) : slot_(disabled) {
  if (!enabled) return;
  const std::lock_guard lock(registration);
  if (users == 0) signal_hub::add(quit);
  slot_ = targets.add(s);  // which cannot fail for the first
  ++users;
  unblocked_.open(SIGQUIT);
}

dump_signal::~dump_signal() {
  if (slot_ == disabled) return;
  unblocked_.block_again();
  const std::lock_guard lock(registration);
  if (--users == 0) signal_hub::remove(quit);
  targets.remove(slot_);
}

}  // namespace wring::detail
