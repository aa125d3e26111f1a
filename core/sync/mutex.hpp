// SPDX-License-Identifier: MIT
#pragma once

#include <utility>

#include <wring/core/detail/awaiting/wait_list.hpp>
#include <wring/core/detail/destroyed_in_use.hpp>
#include <wring/core/detail/scheduling/home.hpp>
#include <wring/core/result.hpp>

namespace wring {

/// Restricts a section of code to one task at a time, even across awaits.
///
///     wring::mutex m;
///     auto guard = co_await m.lock();   // unlocks when it is destroyed
///
/// Fair: tasks get it in order of arrival, and unlocking hands it to the next one directly, so that no other task can
/// take it in between. Needed only for sections with a `co_await` in them: between two awaits a task is alone on its
/// thread anyway. Not recursive: a task that locks what it holds waits for itself. One thread: for threads, use
/// std::mutex. Waiting allocates nothing. Destroying a mutex that is locked or waited for ends the process with a
/// message.
class mutex {
  class lock_wait;

 public:
  class guard;

  mutex() noexcept = default;
  mutex(const mutex&) = delete;
  mutex& operator=(const mutex&) = delete;
  ~mutex() {
    if (locked_) [[unlikely]]
      detail::destroyed_in_use("a mutex");
  }

  /// Waits for the mutex; returns the guard that holds it. Returning: cancelled, it has taken nothing. A lock that was
  /// handed over before the cancellation came is delivered, and the task's next await is cancelled.
  [[nodiscard]] lock_wait lock() noexcept;

  /// Takes the mutex if it is free; the guard is empty (false) otherwise.
  [[nodiscard]] guard try_lock() noexcept;

  [[nodiscard]] bool locked() const noexcept { return locked_; }

 private:
  bool try_take() noexcept {
    home_.use("a mutex");
    return !std::exchange(locked_, true);
  }
  void unlock() noexcept;

  detail::wait_list<lock_wait> waiters_;
  detail::home home_;
  bool locked_ = false;
};

/// Holds a mutex until it is destroyed. May be moved, also to another task of the thread.
class [[nodiscard("the mutex is unlocked when the guard is destroyed: give it a name")]] mutex::guard {
 public:
  /// Holds nothing.
  guard() noexcept = default;
  guard(guard&& other) noexcept : mutex_(std::exchange(other.mutex_, nullptr)) {}
  guard& operator=(guard&& other) noexcept {
    guard(std::move(other)).swap(*this);
    return *this;
  }
  ~guard() { unlock(); }

  [[nodiscard]] explicit operator bool() const noexcept { return mutex_ != nullptr; }

  /// Unlocks now, if it holds the mutex, and hands it to the task that has waited longest.
  void unlock() noexcept {
    if (mutex_ != nullptr) std::exchange(mutex_, nullptr)->unlock();
  }

  void swap(guard& other) noexcept { std::swap(mutex_, other.mutex_); }

 private:
  friend class mutex;
  explicit guard(mutex& held) noexcept : mutex_(&held) {}

  mutex* mutex_ = nullptr;
};

class mutex::lock_wait : public detail::listed_wait<lock_wait, guard> {
 public:
  explicit lock_wait(mutex& m) noexcept : mutex_(m) {}
  bool ready() noexcept { return mutex_.try_take(); }
  void suspend() noexcept { mutex_.waiters_.push(*this); }
  guard take() noexcept { return guard(mutex_); }
  wring::result<guard> take_result() noexcept { return take(); }
  wait_description describe() const noexcept override { return {.operation = "lock a mutex"}; }
  void grant() noexcept { complete(); }

 private:
  mutex& mutex_;
};

inline mutex::lock_wait mutex::lock() noexcept { return lock_wait(*this); }

inline mutex::guard mutex::try_lock() noexcept { return try_take() ? guard(*this) : guard(); }

// It stays locked when handed over, so that a task that comes later cannot overtake the one that has waited.
inline void mutex::unlock() noexcept {
  home_.use("a mutex");
  if (lock_wait* next = waiters_.pop()) {
    next->grant();
  } else {
    locked_ = false;
  }
}

}  // namespace wring
