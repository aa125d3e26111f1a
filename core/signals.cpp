// SPDX-License-Identifier: MIT
#include <array>
#include <cerrno>
#include <stdexcept>

#include <fmt/format.h>

#include <wring/core/detail/destroyed_in_use.hpp>
#include <wring/core/detail/process/close_descriptor.hpp>
#include <wring/core/detail/process/standard_descriptors.hpp>
#include <wring/core/engine/kernel_engine.hpp>
#include <wring/core/error.hpp>
#include <wring/core/readiness.hpp>
#include <wring/core/scheduler.hpp>
#include <wring/core/signals.hpp>

namespace wring {

namespace {

/// What this thread's objects block, so that the mask is restored when the last of them is destroyed, in whatever order
/// they do.
struct blocked_signal {
  unsigned users = 0;
  bool was_blocked = false;
};
thread_local std::array<blocked_signal, NSIG> blocked;

template <class Function>
void for_each(const ::sigset_t& set, Function function) {
  for (int number = 1; number < NSIG; ++number) {
    if (::sigismember(&set, number) == 1) function(number, blocked[static_cast<unsigned>(number)]);
  }
}

::sigset_t make_set(std::span<const int> numbers) {
  if (numbers.empty()) throw std::invalid_argument("signals: no signal is named");
  ::sigset_t set;
  ::sigemptyset(&set);
  for (const int number : numbers) {
    if (::sigaddset(&set, number) != 0) throw std::invalid_argument(fmt::format("signals: {} is no signal", number));
    if (number == SIGKILL || number == SIGSTOP) {
      throw std::invalid_argument("signals: SIGKILL and SIGSTOP cannot be waited for");
    }
  }
  return set;
}

int open_source(const ::sigset_t& set) {
  scheduler* const here = scheduler::try_current();
  if (here == nullptr) detail::open_standard_descriptors();  // a scheduler has seen to that
  const int fd = here != nullptr ? here->engine().open_signal_source(set) : detail::open_signal_source_in_kernel(set);
  if (fd < 0) error::from_errno(-fd, "make a signalfd").raise();
  return fd;
}

}  // namespace

signals::signals(std::initializer_list<int> numbers) : signals(std::span(numbers.begin(), numbers.size())) {}

signals::signals(std::span<const int> numbers) : set_(make_set(numbers)), fd_(open_source(set_)) {
  ::sigset_t before;
  ::pthread_sigmask(SIG_BLOCK, &set_, &before);
  for_each(set_, [&](int number, blocked_signal& b) {
    if (b.users++ == 0) b.was_blocked = ::sigismember(&before, number) == 1;
  });
}

signals::~signals() {
  if (waiting_ != 0) detail::destroyed_in_use("a signals object");
  ::sigset_t open;
  ::sigemptyset(&open);
  for_each(set_, [&](int number, blocked_signal& b) {
    if (--b.users == 0 && !b.was_blocked) ::sigaddset(&open, number);
  });
  detail::close_descriptor(fd_);
  ::pthread_sigmask(SIG_UNBLOCK, &open, nullptr);
}

task<int> signals::next() {
  struct waiting {
    unsigned& count;
    explicit waiting(unsigned& c) noexcept : count(++c) {}
    ~waiting() { --count; }
  };
  const waiting counted(waiting_);
  for (;;) {
    co_await readable(fd_);
    if (const std::optional<int> number = take()) co_return *number;  // else another object's task was faster
  }
}

std::optional<int> signals::take() {
  const int number = scheduler::current().engine().next_signal(fd_);
  if (number == -EAGAIN) return std::nullopt;
  if (number < 0) error::from_errno(-number, "read from a signalfd").raise();
  return number;
}

}  // namespace wring
