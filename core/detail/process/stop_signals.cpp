// SPDX-License-Identifier: MIT
#include <array>
#include <atomic>
#include <csignal>
#include <cstddef>
#include <mutex>
#include <unistd.h>
#include <utility>

#include <wring/core/detail/process/raw_terminal.hpp>
#include <wring/core/detail/process/signal_hub.hpp>
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

// Once for all schedulers.
void on_stop(int number) noexcept {
  if (asked.exchange(true)) {
    restore_terminal();
    ::_exit(128 + number);
  }
  targets.tell([](scheduler& s) noexcept { s.request_stop_from_anywhere(); });
}

void on_broken_pipe(int) noexcept {}  // the writer gets EPIPE

/// A signal that is handled while there are users.
struct taken_signal {
  signal_receiver receiver;
  bool taken = false;

  void take(bool wanted) {
    if (!wanted) return;
    signal_hub::add(receiver);
    taken = true;
  }
  void give_back() noexcept {
    if (std::exchange(taken, false)) signal_hub::remove(receiver);
  }
};

constinit taken_signal interrupt{signal_receiver(signal_bit(SIGINT), on_stop)};
constinit taken_signal terminate{signal_receiver(signal_bit(SIGTERM), on_stop)};
constinit taken_signal broken_pipe{signal_receiver(signal_bit(SIGPIPE), on_broken_pipe)};
constinit std::array<taken_signal*, 3> handled = {&interrupt, &terminate, &broken_pipe};

void give_all_back() noexcept {
  for (taken_signal* const each : handled) each->give_back();
}

void take_all() {
  try {
    interrupt.take(signal_hub::disposition_without(SIGINT) != SIG_IGN);
    terminate.take(signal_hub::disposition_without(SIGTERM) != SIG_IGN);
    broken_pipe.take(signal_hub::disposition_without(SIGPIPE) == SIG_DFL);
  } catch (...) {
    give_all_back();
    throw;
  }
}

}  // namespace

stop_signals::stop_signals(scheduler& s, bool enabled) : slot_(disabled) {
  if (!enabled) return;
  const std::lock_guard lock(registration);
  if (users == 0) {
    asked.store(false);
    take_all();
  }
  slot_ = targets.add(s);  // which cannot fail for the first
  ++users;
  // A signal that came before this scheduler was there is for it, too.
  if (asked.load()) s.request_stop_from_anywhere();
  if (interrupt.taken) unblocked_.open(SIGINT);
  if (terminate.taken) unblocked_.open(SIGTERM);
}

stop_signals::~stop_signals() {
  if (slot_ == disabled) return;
  unblocked_.block_again();
  const std::lock_guard lock(registration);
  if (--users == 0) give_all_back();
  targets.remove(slot_);
}

}  // namespace wring::detail
