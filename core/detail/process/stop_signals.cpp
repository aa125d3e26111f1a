// SPDX-License-Identifier: MIT
#include <array>
#include <atomic>
#include <cerrno>
#include <mutex>
#include <unistd.h>
#include <utility>

#include <wring/core/detail/process/signal_targets.hpp>
#include <wring/core/detail/process/stop_signals.hpp>
#include <wring/core/scheduler.hpp>

namespace wring::detail {

namespace {

constexpr std::size_t disabled = signal_targets::most;

constinit signal_targets targets;
std::atomic<bool> asked = false;
static_assert(std::atomic<bool>::is_always_lock_free);

std::mutex registration;
std::size_t users = 0;
void on_stop(int number) {
  if (asked.exchange(true)) ::_exit(128 + number);
  const int error_number = errno;
  targets.tell([](scheduler& s) noexcept { s.request_stop_from_anywhere(); });
  errno = error_number;
}

void on_broken_pipe(int) {}  // the writer gets EPIPE

/// A signal whose disposition is ours while there are users.
struct disposition {
  int number;
  void (*handler)(int);
  int flags;
  struct ::sigaction found = {};
  bool taken = false;

  void take() noexcept {
    ::sigaction(number, nullptr, &found);
    const bool is_default = found.sa_handler == SIG_DFL;
    taken = number == SIGPIPE ? is_default : found.sa_handler != SIG_IGN;
    if (!taken) return;
    struct ::sigaction action = {};
    action.sa_handler = handler;
    action.sa_flags = flags;
    ::sigemptyset(&action.sa_mask);
    ::sigaction(number, &action, nullptr);
  }
  void give_back() noexcept {
    if (std::exchange(taken, false)) ::sigaction(number, &found, nullptr);
  }
};

constinit disposition interrupt{.number = SIGINT, .handler = on_stop, .flags = 0};
constinit disposition terminate{.number = SIGTERM, .handler = on_stop, .flags = 0};
constinit disposition broken_pipe{.number = SIGPIPE, .handler = on_broken_pipe, .flags = SA_RESTART};
constinit std::array<disposition*, 3> handled = {&interrupt, &terminate, &broken_pipe};

}  // namespace

stop_signals::stop_signals(scheduler& s, bool enabled) : slot_(disabled) {
  if (!enabled) return;
  const std::lock_guard lock(registration);
  slot_ = targets.add(s);
  if (users++ == 0) {
    asked.store(false);
    for (disposition* d : handled) d->take();
  }
  // A signal that came before this scheduler was there is for it, too.
  if (asked.load()) s.request_stop_from_anywhere();
  for (const disposition* d : {&interrupt, &terminate}) {
    if (d->taken) unblocked_.open(d->number);
  }
}

stop_signals::~stop_signals() {
  if (slot_ == disabled) return;
  unblocked_.block_again();
  const std::lock_guard lock(registration);
  if (--users == 0) {
    for (disposition* d : handled) d->give_back();
  }
  targets.remove(slot_);
}

}  // namespace wring::detail
