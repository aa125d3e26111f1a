// SPDX-License-Identifier: MIT
#include <array>
#include <atomic>
#include <mutex>
#include <unistd.h>

#include <wring/core/detail/signal_targets.hpp>
#include <wring/core/detail/stop_signals.hpp>
#include <wring/core/scheduler.hpp>

namespace wring::detail {

namespace {

constexpr std::size_t disabled = signal_targets::most;

constinit signal_targets targets;
std::atomic<bool> asked = false;
static_assert(std::atomic<bool>::is_always_lock_free);

std::mutex registration;
std::size_t users = 0;
std::array<struct ::sigaction, 3> found;
constexpr std::array<int, 3> handled = {SIGINT, SIGTERM, SIGPIPE};

void on_signal(int number) {
  if (asked.exchange(true)) ::_exit(128 + number);
  targets.tell([](scheduler& s) noexcept { s.request_stop_from_anywhere(); });
}

}  // namespace

stop_signals::stop_signals(scheduler& s, bool enabled) : slot_(disabled) {
  if (!enabled) return;
  const std::lock_guard lock(registration);
  slot_ = targets.add(s);
  if (users++ != 0) return;
  asked.store(false);
  for (std::size_t i = 0; i < handled.size(); ++i) {
    struct ::sigaction action = {};
    action.sa_handler = handled[i] == SIGPIPE ? SIG_IGN : on_signal;
    ::sigemptyset(&action.sa_mask);
    ::sigaction(handled[i], &action, &found[i]);
  }
}

stop_signals::~stop_signals() {
  if (slot_ == disabled) return;
  const std::lock_guard lock(registration);
  if (--users == 0) {
    for (std::size_t i = 0; i < handled.size(); ++i) ::sigaction(handled[i], &found[i], nullptr);
  }
  targets.remove(slot_);
}

}  // namespace wring::detail
