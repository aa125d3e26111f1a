// SPDX-License-Identifier: MIT
#pragma once

#include <wring/core/detail/awaiting/wait_list.hpp>
#include <wring/core/detail/destroyed_in_use.hpp>
#include <wring/core/detail/plants.hpp>
#include <wring/core/detail/scheduling/home.hpp>
#include <wring/core/result.hpp>

namespace wring {

/// A flag that tasks can wait for.
///
///     wring::event connected;
///     co_await connected.wait();   // in any number of tasks
///     connected.set();             // in another: all of them go on
///
/// Stays set until it is reset, so that no task waits for what has already happened. One thread. Waiting allocates
/// nothing. Destroying an event that tasks wait for ends the process with a message.
class event {
 public:
  explicit event(bool set = false) noexcept : set_(set) {}
  event(const event&) = delete;
  event& operator=(const event&) = delete;
  ~event() {
    if (!waiters_.empty()) [[unlikely]]
      detail::destroyed_in_use("an event");
  }

  /// Sets the flag and queues every task that waits, in order of arrival. They are resumed even if it is reset before
  /// their turn comes. None of them runs before this has returned.
  void set() noexcept {
    home_.use("an event");
    if (WRING_PLANTED("lost-wake-up") && waiters_.empty()) return;
    set_ = true;
    while (waiter* w = waiters_.pop()) w->wake();
  }

  /// Clears the flag: a task that waits from now on does so until the next set().
  void reset() noexcept {
    home_.use("an event");
    set_ = false;
  }

  [[nodiscard]] bool is_set() const noexcept { return set_; }

  /// Waits until the flag is set; does not suspend if it is. A cancelled wait has changed nothing.
  [[nodiscard]] auto wait() noexcept { return waiter(*this); }

 private:
  class waiter : public detail::listed_wait<waiter> {
   public:
    explicit waiter(event& e) noexcept : event_(e) {}
    bool ready() noexcept {
      event_.home_.use("an event");
      return event_.set_;
    }
    void suspend() noexcept { event_.waiters_.push(*this); }
    void take() noexcept {}
    wring::result<> take_result() noexcept { return {}; }
    wait_description describe() const noexcept override { return {.operation = "wait for an event"}; }
    void wake() noexcept { complete(); }

   private:
    event& event_;
  };

  detail::wait_list<waiter> waiters_;
  detail::home home_;
  bool set_;
};

}  // namespace wring
