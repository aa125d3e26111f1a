// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <cstddef>
#include <utility>

#include <wring/core/detail/awaiting/wait_list.hpp>
#include <wring/core/detail/export.hpp>
#include <wring/core/detail/gcc12.hpp>
#include <wring/core/detail/scheduling/home.hpp>
#include <wring/core/result.hpp>

namespace wring {

/// Lets tasks wait until shared data is in some state, and be notified when it has changed.
///
///     wring::condition changed;
///     co_await changed.wait([&] { return jobs.size() < 10; });   // in any number of tasks
///     jobs.pop_back();
///     changed.notify_one();                                      // in another
///
/// There is no mutex: between two awaits a task is alone on its thread, so what the predicate has seen still holds when
/// the wait returns. One thread. Waiting and notifying allocate nothing. Destroying a condition that tasks wait for
/// ends the process with a message.
class WRING_API condition {
  class notification_wait;

 public:
  condition() noexcept = default;
  condition(const condition&) = delete;
  condition& operator=(const condition&) = delete;
  ~condition();

  /// Waits until `holds()` returns true. It is called at once, and again in the task's turn after each notification: if
  /// it still returns false, the task waits behind those that wait by then. It must not throw (the process ends).
  /// Cancelled, the wait passes a notification that it has not used to the next waiter, so that none is lost.
  template <std::predicate Predicate>
  [[nodiscard]] auto wait(Predicate holds) noexcept {
    detail::assert_safe_callable<Predicate>();
    return predicate_wait<Predicate>(*this, std::move(holds));
  }

  /// Waits for the next notification, whatever the state. Returning: one that came before the cancellation is
  /// delivered, and the task's next await is cancelled.
  [[nodiscard]] notification_wait wait() noexcept;

  /// Notifies the task that has waited longest, if there is one. It does not run before this has returned.
  void notify_one() noexcept;

  /// Notifies all tasks that wait, in order of arrival. None of them runs before this has returned.
  void notify_all() noexcept;

 private:
  class queued_wait : public awaiter, public detail::wait_link {
   private:
    friend class condition;
    /// It has been taken out of the list.
    virtual void notify(bool alone) noexcept = 0;
  };
  class checked_wait;
  template <class Predicate>
  class predicate_wait;

  detail::home home_;
  detail::wait_list<queued_wait> waiters_;
  std::size_t checking_ = 0;  // notified, and about to call their predicates
};

class condition::notification_wait : public leaf<notification_wait, void, queued_wait> {
 public:
  explicit notification_wait(condition& c) noexcept : condition_(c) {}
  bool ready() noexcept {
    condition_.home_.use("a condition");
    return false;
  }
  void suspend() noexcept { condition_.waiters_.push(*this); }
  void cancel() noexcept override {
    condition_.waiters_.remove(*this);
    confirm_cancel();
  }
  void take() noexcept {}
  wring::result<> take_result() noexcept { return {}; }
  wait_description describe() const noexcept override { return {.operation = "wait for a notification"}; }

 private:
  void notify(bool) noexcept override { complete(); }

  condition& condition_;
};

inline condition::notification_wait condition::wait() noexcept { return notification_wait(*this); }

/// Not a leaf, because a task that is notified checks again, in its turn, whether it can go on.
class WRING_API condition::checked_wait : public queued_wait {
 public:
  using value_type = void;

  explicit checked_wait(condition& c) noexcept : condition_(c) {}
  bool begin_await(detail::flow& f) noexcept;
  void take() noexcept {}
  wait_description describe() const noexcept override { return {.operation = "wait for a condition"}; }

 private:
  virtual bool holds() noexcept = 0;
  bool check_or_wait(detail::flow& f) noexcept;
  void notify(bool alone) noexcept override;
  void cancel() noexcept override;
  bool restart() noexcept override;

  condition& condition_;
  bool checking_ = false;
  bool alone_ = false;  // by notify_one
};

template <class Predicate>
class condition::predicate_wait final : public checked_wait {
 public:
  predicate_wait(condition& c, Predicate&& holds) noexcept : checked_wait(c), holds_(std::move(holds)) {}

 private:
  bool holds() noexcept override { return holds_(); }

  Predicate holds_;
};

}  // namespace wring
