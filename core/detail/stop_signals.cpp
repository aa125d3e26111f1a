// SPDX-License-Identifier: MIT
#include <array>
#include <atomic>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <unistd.h>

#include <wring/core/detail/stop_signals.hpp>
#include <wring/core/scheduler.hpp>

namespace wring::detail {

namespace {

constexpr std::size_t most_schedulers = 1024;
constexpr std::size_t disabled = most_schedulers;

// What the handler looks at: lock-free atomics only.
std::array<std::atomic<scheduler*>, most_schedulers> registered;
std::atomic<bool> asked = false;
std::atomic<int> handlers_running = 0;
static_assert(std::atomic<scheduler*>::is_always_lock_free && std::atomic<bool>::is_always_lock_free &&
              std::atomic<int>::is_always_lock_free);

std::mutex registration;
std::size_t users = 0;
std::array<struct ::sigaction, 3> found;
constexpr std::array<int, 3> handled = {SIGINT, SIGTERM, SIGPIPE};

void on_signal(int number) {
  if (asked.exchange(true)) ::_exit(128 + number);
  ++handlers_running;
  for (std::atomic<scheduler*>& entry : registered) {
    if (scheduler* s = entry.load()) s->request_stop_from_anywhere();
  }
  --handlers_running;
}

}  // namespace

stop_signals::stop_signals(scheduler& s, bool enabled) : slot_(disabled) {
  if (!enabled) return;
  const std::lock_guard lock(registration);
  slot_ = 0;
  while (slot_ < most_schedulers && registered[slot_].load() != nullptr) ++slot_;
  if (slot_ == most_schedulers) throw std::length_error("too many schedulers handle signals");
  registered[slot_].store(&s);
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
  registered[slot_].store(nullptr);
  // A handler on another thread may have found the scheduler just before.
  while (handlers_running.load() != 0) std::this_thread::yield();
}

}  // namespace wring::detail
