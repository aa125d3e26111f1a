// SPDX-License-Identifier: MIT
#include <array>
#include <bit>
#include <cerrno>
#include <csignal>
#include <stdexcept>

#include <fmt/format.h>

#include <wring/core/awaiter.hpp>
#include <wring/core/detail/awaiting/wait_list.hpp>
#include <wring/core/detail/destroyed_in_use.hpp>
#include <wring/core/detail/process/close_descriptor.hpp>
#include <wring/core/error.hpp>
#include <wring/core/readiness.hpp>
#include <wring/core/scheduler.hpp>
#include <wring/core/signals.hpp>

namespace wring {

namespace {

/// What this thread's objects have unblocked, so that the mask is restored when the last of them is destroyed, in
/// whatever order they do.
struct opened_signal {
  unsigned users = 0;
  bool was_blocked = false;
};
thread_local std::array<opened_signal, NSIG> opened;

template <class Function>
void for_each(detail::signal_bits set, Function function) {
  for (; set != 0; set &= set - 1) {
    const int number = std::countr_zero(set) + 1;
    function(number, opened[static_cast<std::size_t>(number)]);
  }
}

detail::signal_bits make_set(std::span<const int> numbers) {
  if (numbers.empty()) throw std::invalid_argument("signals: no signal is named");
  detail::signal_bits set = 0;
  for (const int number : numbers) {
    ::sigset_t known;
    ::sigemptyset(&known);
    if (::sigaddset(&known, number) != 0) throw std::invalid_argument(fmt::format("signals: {} is no signal", number));
    if (number == SIGKILL || number == SIGSTOP) {
      throw std::invalid_argument("signals: SIGKILL and SIGSTOP cannot be waited for");
    }
    set |= detail::signal_bit(number);
  }
  return set;
}

::sigset_t to_sigset(detail::signal_bits bits) noexcept {
  ::sigset_t set;
  ::sigemptyset(&set);
  for_each(bits, [&](int number, const opened_signal&) { ::sigaddset(&set, number); });
  return set;
}

struct waiting {
  std::size_t& tasks;
  explicit waiting(std::size_t& t) noexcept : tasks(++t) {}
  waiting(const waiting&) = delete;
  waiting& operator=(const waiting&) = delete;
  ~waiting() { --tasks; }
};

void unblock(detail::signal_bits set) noexcept {
  ::sigset_t before, open;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &before);
  ::sigemptyset(&open);
  for_each(set, [&](int number, opened_signal& o) {
    if (o.users++ != 0) return;
    o.was_blocked = ::sigismember(&before, number) == 1;
    if (o.was_blocked) ::sigaddset(&open, number);
  });
  ::pthread_sigmask(SIG_UNBLOCK, &open, nullptr);  // a signal that waits comes now
}

void block_again(detail::signal_bits set) noexcept {
  ::sigset_t closed;
  ::sigemptyset(&closed);
  for_each(set, [&](int number, opened_signal& o) {
    if (--o.users == 0 && o.was_blocked) ::sigaddset(&closed, number);
  });
  ::pthread_sigmask(SIG_BLOCK, &closed, nullptr);
}

}  // namespace

/// Waits until a signal may have arrived: another task may be faster to take it.
class signals::arrival : public leaf<arrival, void>, public detail::wait_link {
 public:
  explicit arrival(signals& of) noexcept : signals_(of) {}

  static bool ready() noexcept { return false; }
  void suspend() noexcept;
  void cancel() noexcept override;
  static void take() noexcept {}
  wait_description describe() const noexcept override { return {.operation = "wait for a signal"}; }

  [[nodiscard]] bool arrived() const noexcept { return signals_.receiver_.arrived.load() != 0; }
  void notify() noexcept {
    leave();
    complete();
  }

 private:
  void leave() noexcept {
    if (--signals_.waiting_ == 0) detail::signal_hub::tell(signals_.receiver_, nullptr);
  }

  signals& signals_;
};

/// The waits of a scheduler, in order of arrival.
class signal_arrivals final : public detail::scheduler_service {
 public:
  static constexpr char key = 0;
  explicit signal_arrivals(scheduler&) noexcept {}

  void push(signals::arrival& w) noexcept { waits_.push(w); }
  void remove(signals::arrival& w) noexcept { waits_.remove(w); }

 private:
  bool deliver(std::size_t) noexcept override {
    detail::wait_list<signals::arrival> left;
    while (signals::arrival* const w = waits_.pop()) {
      if (w->arrived()) {
        w->notify();
      } else {
        left.push(*w);
      }
    }
    while (signals::arrival* const w = left.pop()) waits_.push(*w);
    return false;
  }
  bool drop() noexcept override { return false; }
  void close() noexcept override {}

  detail::wait_list<signals::arrival> waits_;
};

void signals::arrival::suspend() noexcept {
  home().service<signal_arrivals>().push(*this);
  if (signals_.waiting_++ == 0) detail::signal_hub::tell(signals_.receiver_, &home());
  if (arrived()) home().service_has_work();  // before the handler knew whom to tell
}

void signals::arrival::cancel() noexcept {
  home().service<signal_arrivals>().remove(*this);
  leave();
  confirm_cancel();
}

signals::signals(std::initializer_list<int> numbers) : signals(std::span(numbers.begin(), numbers.size())) {}

signals::signals(std::span<const int> numbers) : fd_(-ENOSYS), receiver_(make_set(numbers)) {
  if (scheduler* const here = scheduler::try_current(); here != nullptr) {
    fd_ = here->engine().open_signal_source(to_sigset(receiver_.set));
    if (fd_ >= 0) return;
    if (fd_ != -ENOSYS) error::from_errno(-fd_, "open a source of signals").raise();
  }
  detail::signal_hub::add(receiver_);
  unblock(receiver_.set);
}

signals::~signals() {
  if (waiting_ != 0) detail::destroyed_in_use("a signals object");
  if (fd_ >= 0) {
    detail::close_descriptor(fd_);
    return;
  }
  const detail::signal_bits untaken = detail::signal_hub::remove(receiver_);
  block_again(receiver_.set);
  for_each(untaken, [](int number, opened_signal&) { ::raise(number); });
}

int signals::take() {
  if (fd_ < 0) return detail::signal_hub::take(receiver_);
  const int number = scheduler::current().engine().next_signal(fd_);
  if (number < 0 && number != -EAGAIN) error::from_errno(-number, "read from a source of signals").raise();
  return number < 0 ? 0 : number;
}

task<int> signals::next() {
  for (;;) {
    if (const int number = take(); number != 0) co_return number;
    if (fd_ < 0) {
      co_await arrival(*this);
    } else {
      const waiting here(waiting_);
      co_await readable(fd_);
    }
  }
}

}  // namespace wring
