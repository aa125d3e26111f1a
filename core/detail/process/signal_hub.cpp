// SPDX-License-Identifier: MIT
#include <array>
#include <bit>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <mutex>
#include <stdexcept>
#include <thread>

#include <wring/core/detail/process/signal_hub.hpp>
#include <wring/core/scheduler.hpp>

namespace wring::detail {

namespace {

constexpr std::size_t most = 1024;

// What the handler looks at: lock-free.
constinit std::array<std::atomic<signal_receiver*>, most> receivers{};
std::atomic<int> handlers_running = 0;
std::atomic<signal_bits> untaken = 0;  // by any receiver
static_assert(std::atomic<signal_receiver*>::is_always_lock_free && std::atomic<signal_bits>::is_always_lock_free);

/// A signal whose disposition is ours while it has receivers.
struct handled_signal {
  std::size_t users = 0;
  struct ::sigaction found = {};
};
std::mutex registration;
constinit std::array<handled_signal, NSIG> handled{};

void on_signal(int number) {
  const int error_number = errno;
  const signal_bits bit = signal_bit(number);
  ++handlers_running;
  untaken.fetch_or(bit);
  bool received = false;
  bool acted_on = false;
  for (std::atomic<signal_receiver*>& each : receivers) {
    signal_receiver* const r = each.load();
    if (r == nullptr || (r->set & bit) == 0) continue;
    received = true;
    if (r->act != nullptr) {
      r->act(number);
      acted_on = true;
      continue;
    }
    r->arrived.fetch_or(bit);
    if (scheduler* const s = r->wanting.load(); s != nullptr) s->service_has_work();
  }
  if (acted_on) untaken.fetch_and(~bit);
  --handlers_running;
  // The last receiver has gone since the kernel chose this handler: the signal has its usual effect.
  if (!received) ::raise(number);
  errno = error_number;
}

/// A handler on another thread may have found just before what is gone now.
void await_handlers() noexcept {
  while (handlers_running.load() != 0) std::this_thread::yield();
}

template <class Function>
void for_each(signal_bits set, Function function) {
  for (; set != 0; set &= set - 1) function(std::countr_zero(set) + 1);
}

}  // namespace

void signal_hub::add(signal_receiver& r) {
  const std::lock_guard lock(registration);
  std::size_t place = 0;
  while (place < most && receivers[place].load() != nullptr) ++place;
  if (place == most) throw std::length_error("signals: there are 1024 objects already");
  receivers[place].store(&r);
  for_each(r.set, [](int number) {
    handled_signal& h = handled[static_cast<std::size_t>(number)];
    if (h.users++ != 0) return;
    untaken.fetch_and(~signal_bit(number));
    struct ::sigaction action = {};
    action.sa_handler = on_signal;
    // What ends the program also interrupts what its threads are blocked in.
    action.sa_flags = number == SIGINT || number == SIGTERM ? 0 : SA_RESTART;
    ::sigemptyset(&action.sa_mask);  // an action may block, as printing does: a second SIGTERM ends it
    ::sigaction(number, &action, &h.found);
  });
}

signal_bits signal_hub::remove(signal_receiver& r) noexcept {
  const std::lock_guard lock(registration);
  signal_bits left = 0;
  for_each(r.set, [&left](int number) {
    handled_signal& h = handled[static_cast<std::size_t>(number)];
    if (--h.users != 0) return;
    ::sigaction(number, &h.found, nullptr);
    left |= signal_bit(number);
  });
  for (std::atomic<signal_receiver*>& each : receivers) {
    if (each.load() == &r) each.store(nullptr);
  }
  await_handlers();
  return left & untaken.fetch_and(~left);
}

auto signal_hub::disposition_without(int number) -> void (*)(int) {
  const std::lock_guard lock(registration);
  const handled_signal& h = handled[static_cast<std::size_t>(number)];
  if (h.users != 0) return h.found.sa_handler;
  struct ::sigaction found = {};
  ::sigaction(number, nullptr, &found);
  return found.sa_handler;
}

int signal_hub::take(signal_receiver& r) noexcept {
  signal_bits seen = r.arrived.load();
  while (seen != 0) {
    const signal_bits lowest = seen & -seen;
    seen = r.arrived.fetch_and(~lowest);
    if ((seen & lowest) == 0) continue;
    untaken.fetch_and(~lowest);
    return std::countr_zero(lowest) + 1;
  }
  return 0;
}

void signal_hub::tell(signal_receiver& r, scheduler* s) noexcept {
  r.wanting.store(s);
  if (s == nullptr) await_handlers();
}

}  // namespace wring::detail
