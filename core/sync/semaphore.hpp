// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <utility>

#include <wring/core/detail/awaiting/wait_list.hpp>
#include <wring/core/detail/destroyed_in_use.hpp>
#include <wring/core/detail/scheduling/home.hpp>
#include <wring/core/duration.hpp>
#include <wring/core/result.hpp>

namespace wring {

/// A number of permits that tasks acquire and release, to bound how many of them do something at once.
///
///     wring::semaphore lookups(8);
///     auto permit = co_await lookups.acquire();   // released when it is destroyed
///
/// Fair: permits go to tasks in order of arrival. A task that wants many is not overtaken by others that want few. One
/// thread. Waiting allocates nothing. Destroying a semaphore that tasks wait for, or whose permits are held, ends the
/// process with a message.
class semaphore {
  class acquire_wait;

 public:
  class permit;

  explicit semaphore(std::size_t permits) noexcept : available_(permits) {}
  semaphore(const semaphore&) = delete;
  semaphore& operator=(const semaphore&) = delete;
  ~semaphore() {
    if (held_ != 0 || !waiters_.empty()) [[unlikely]]
      detail::destroyed_in_use("a semaphore");
  }

  /// Waits for `count` permits and takes them together. Returning: cancelled, it has taken none. Permits that were
  /// handed over before the cancellation came are delivered, and the task's next await is cancelled. A request for more
  /// than there will ever be waits until it is cancelled, and blocks all later ones.
  [[nodiscard]] acquire_wait acquire(std::size_t count = 1) noexcept;

  /// Takes `count` permits if they are available and no task waits; empty (false) otherwise.
  [[nodiscard]] permit try_acquire(std::size_t count = 1) noexcept;

  /// Adds permits: new ones, or those that permit::forget() has kept, up to `unlimited`. A `permit` releases its own.
  void release(std::size_t count = 1) noexcept {
    home_.use("a semaphore");
    if (__builtin_add_overflow(available_, count, &available_)) available_ = unlimited;
    hand_out();
  }

  /// Permits that are not held.
  [[nodiscard]] std::size_t available() const noexcept { return available_; }

 private:
  bool take(std::size_t count) noexcept {
    if (available_ < count) return false;
    available_ -= count;
    held_ += count;
    return true;
  }
  bool take_unless_waited_for(std::size_t count) noexcept {
    home_.use("a semaphore");
    return waiters_.empty() && take(count);
  }
  void hand_out() noexcept;

  detail::home home_;
  detail::wait_list<acquire_wait> waiters_;
  std::size_t available_;
  std::size_t held_ = 0;  // by permits
};

/// Holds permits of a semaphore until it is destroyed. May be moved, also to another task of the thread.
class [[nodiscard("permits are released when this is destroyed: give it a name")]] semaphore::permit {
 public:
  /// Holds nothing.
  permit() noexcept = default;
  permit(permit&& other) noexcept
      : semaphore_(std::exchange(other.semaphore_, nullptr)), count_(std::exchange(other.count_, 0)) {}
  permit& operator=(permit&& other) noexcept {
    permit(std::move(other)).swap(*this);
    return *this;
  }
  ~permit() { release(); }

  [[nodiscard]] explicit operator bool() const noexcept { return semaphore_ != nullptr; }
  [[nodiscard]] std::size_t count() const noexcept { return count_; }

  /// Releases now what it holds, to the tasks that have waited longest.
  void release() noexcept {
    semaphore* const from = semaphore_;
    const std::size_t count = forget();
    if (count != 0) from->release(count);
  }

  /// Holds nothing from now on, without releasing anything: a later `semaphore::release(count)` does that, or the
  /// permits are lost. Returns how many there were.
  std::size_t forget() noexcept {
    if (semaphore_ != nullptr) std::exchange(semaphore_, nullptr)->held_ -= count_;
    return std::exchange(count_, 0);
  }

  void swap(permit& other) noexcept {
    std::swap(semaphore_, other.semaphore_);
    std::swap(count_, other.count_);
  }

 private:
  friend class semaphore;
  permit(semaphore& from, std::size_t count) noexcept : semaphore_(&from), count_(count) {}

  semaphore* semaphore_ = nullptr;
  std::size_t count_ = 0;
};

class semaphore::acquire_wait : public detail::listed_wait<acquire_wait, permit> {
 public:
  acquire_wait(semaphore& s, std::size_t count) noexcept : semaphore_(s), count_(count) {}
  bool ready() noexcept { return semaphore_.take_unless_waited_for(count_); }
  void suspend() noexcept { semaphore_.waiters_.push(*this); }
  void cancel() noexcept override {
    listed_wait::cancel();
    semaphore_.hand_out();  // the next may want less
  }
  permit take() noexcept { return permit(semaphore_, count_); }
  wring::result<permit> take_result() noexcept { return take(); }
  wait_description describe() const noexcept override { return {.operation = "acquire permits"}; }
  [[nodiscard]] std::size_t wanted() const noexcept { return count_; }
  void grant() noexcept { complete(); }

 private:
  semaphore& semaphore_;
  std::size_t count_;
};

inline semaphore::acquire_wait semaphore::acquire(std::size_t count) noexcept { return acquire_wait(*this, count); }

inline semaphore::permit semaphore::try_acquire(std::size_t count) noexcept {
  return take_unless_waited_for(count) ? permit(*this, count) : permit();
}

inline void semaphore::hand_out() noexcept {
  while (!waiters_.empty() && take(waiters_.front()->wanted())) waiters_.pop()->grant();
}

}  // namespace wring
