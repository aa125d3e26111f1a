// SPDX-License-Identifier: MIT
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <mutex>
#include <termios.h>
#include <thread>
#include <unistd.h>

#include <wring/core/detail/process/raw_terminal.hpp>
#include <wring/core/engine/kernel_engine.hpp>
#include <wring/core/engine/process_calls.hpp>

namespace wring::detail {

namespace {

// What handlers look at: settled while `watched` is set.
struct raw_terminal {
  int fd = -1;
  ::pid_t owner = 0;  // a process that was forked has no business with it
  ::termios found = {};
  ::termios raw = {};
};
constinit raw_terminal terminal;
std::atomic<bool> watched = false;
std::atomic<bool> is_raw = false;
std::atomic<int> handlers_running = 0;
static_assert(std::atomic<bool>::is_always_lock_free && std::atomic<int>::is_always_lock_free);

// By default they end the process, or stop it.
constexpr std::array ending = {SIGABRT, SIGALRM, SIGBUS,    SIGFPE,  SIGHUP,  SIGILL,  SIGINT,
                               SIGPIPE, SIGPROF, SIGQUIT,   SIGSEGV, SIGSYS,  SIGTERM, SIGTRAP,
                               SIGUSR1, SIGUSR2, SIGVTALRM, SIGXCPU, SIGXFSZ, SIGIO,   SIGPWR};
constexpr std::array stopping = {SIGTSTP, SIGTTIN, SIGTTOU};

/// In the background the terminal is another program's, and setting it would stop this one. One that is not the
/// controlling terminal has no foreground.
bool in_foreground() noexcept {
  const ::pid_t group = ::tcgetpgrp(terminal.fd);
  return group < 0 || group == ::getpgrp();
}

void set(const ::termios& mode) noexcept {
  // If the foreground changes just now, this must not stop.
  ::sigset_t background;
  ::sigset_t before;
  ::sigemptyset(&background);
  ::sigaddset(&background, SIGTTOU);
  ::pthread_sigmask(SIG_BLOCK, &background, &before);
  while (::tcsetattr(terminal.fd, TCSANOW, &mode) != 0 && errno == EINTR) {
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void dispose(int number, void (*handler)(int), int flags = 0) noexcept {
  struct ::sigaction action = {};
  action.sa_handler = handler;
  action.sa_flags = flags;
  ::sigemptyset(&action.sa_mask);
  ::sigaction(number, &action, nullptr);
}

bool has_handler(int number, void (*handler)(int)) noexcept {
  struct ::sigaction action = {};
  ::sigaction(number, nullptr, &action);
  return (action.sa_flags & SA_SIGINFO) == 0 && action.sa_handler == handler;
}

/// While a handler runs, the terminal's descriptor stays open.
class in_handler {
 public:
  in_handler() noexcept : errno_(errno) { ++handlers_running; }
  in_handler(const in_handler&) = delete;
  in_handler& operator=(const in_handler&) = delete;
  ~in_handler() {
    --handlers_running;
    errno = errno_;
  }

 private:
  int errno_;
};

void on_end(int number) {
  const in_handler here;
  restore_terminal();
  dispose(number, SIG_DFL);
  ::raise(number);  // takes effect when this returns
}

void on_stop(int number) {
  const in_handler here;
  restore_terminal();
  dispose(number, SIG_DFL);
  ::raise(number);
  ::sigset_t stop;
  ::sigset_t before;
  ::sigemptyset(&stop);
  ::sigaddset(&stop, number);
  ::pthread_sigmask(SIG_UNBLOCK, &stop, &before);  // stops, and returns when the process continues
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  dispose(number, on_stop, SA_RESTART);
  // What nobody is there to continue does not stop.
  if (watched.load() && in_foreground() && !is_raw.exchange(true)) set(terminal.raw);
}

void on_continue(int) {
  const in_handler here;
  if (!watched.load() || terminal.owner != ::getpid() || !in_foreground()) return;
  is_raw.store(true);  // maybe it was not: after SIGSTOP, which nobody is told of, the shell has set the terminal
  set(terminal.raw);
}

// A signal whose effect is not the default one is the program's own business, as are those of a `signals` object.
void take_signals() noexcept {
  for (const int each : ending) {
    if (has_handler(each, SIG_DFL)) dispose(each, on_end);
  }
  for (const int each : stopping) {
    if (has_handler(each, SIG_DFL)) dispose(each, on_stop, SA_RESTART);
  }
  if (has_handler(SIGCONT, SIG_DFL)) dispose(SIGCONT, on_continue, SA_RESTART);
}

// Somebody else may have taken one meanwhile, and gives it back to ours, which then does nothing of its own.
void give_signals_back() noexcept {
  for (const int each : ending) {
    if (has_handler(each, on_end)) dispose(each, SIG_DFL);
  }
  for (const int each : stopping) {
    if (has_handler(each, on_stop)) dispose(each, SIG_DFL);
  }
  if (has_handler(SIGCONT, on_continue)) dispose(SIGCONT, SIG_DFL);
}

}  // namespace

int begin_raw_terminal(int fd, bool keys_signal) noexcept {
  static std::mutex one_at_a_time;
  const std::lock_guard lock(one_at_a_time);
  if (watched.load()) return -EBUSY;
  ::termios found = {};
  if (::tcgetattr(fd, &found) != 0) return -errno;
  static const int at_exit = std::atexit(restore_terminal);
  if (at_exit != 0) return -ENOMEM;
  const int copy = duplicate(fd);
  if (copy < 0) return copy;
  terminal = {.fd = copy, .owner = ::getpid(), .found = found, .raw = found};
  ::cfmakeraw(&terminal.raw);
  if (keys_signal) terminal.raw.c_lflag |= ISIG;
  watched.store(true);
  take_signals();
  is_raw.store(true);
  set(terminal.raw);
  return 0;
}

void end_raw_terminal() noexcept {
  restore_terminal();
  watched.store(false);
  give_signals_back();
  while (handlers_running.load() != 0) std::this_thread::yield();
  close_in_kernel(terminal.fd);
}

void restore_terminal() noexcept {
  if (!watched.load() || terminal.owner != ::getpid() || !is_raw.exchange(false)) return;
  if (in_foreground()) set(terminal.found);
}

}  // namespace wring::detail
