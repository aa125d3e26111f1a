// SPDX-License-Identifier: MIT
#pragma once

#include <csignal>

namespace wring::detail {

/// Lets signals reach this thread while it exists. Signals that were blocked before are blocked again at the end; the
/// mask is a thread's, so it must go on the thread that made it.
class unblocked_signals {
 public:
  unblocked_signals() noexcept { ::sigemptyset(&opened_); }
  unblocked_signals(const unblocked_signals&) = delete;
  unblocked_signals& operator=(const unblocked_signals&) = delete;
  ~unblocked_signals() { block_again(); }

  void block_again() noexcept {
    ::pthread_sigmask(SIG_BLOCK, &opened_, nullptr);
    ::sigemptyset(&opened_);
  }

  void open(int number) noexcept {
    ::sigset_t one, before;
    ::sigemptyset(&one);
    ::sigaddset(&one, number);
    ::pthread_sigmask(SIG_SETMASK, nullptr, &before);
    if (::sigismember(&before, number) != 1) return;
    ::sigaddset(&opened_, number);
    ::pthread_sigmask(SIG_UNBLOCK, &one, nullptr);  // a signal that waits comes now
  }

 private:
  ::sigset_t opened_;
};

}  // namespace wring::detail
