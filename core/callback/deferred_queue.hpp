// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <deque>
#include <stdexcept>
#include <utility>

#include <wring/core/callback/deferred.hpp>
#include <wring/core/callback/detail/deferred_waiters.hpp>

namespace wring {

/// Thrown when a deferred_queue is full.
class WRING_API queue_overflow : public std::runtime_error {
 public:
  explicit queue_overflow(std::size_t size);
  queue_overflow(const queue_overflow&) noexcept = default;
  queue_overflow& operator=(const queue_overflow&) noexcept = default;
  ~queue_overflow() override;
};

/// Thrown when as many deferreds wait for a deferred_queue as may.
class WRING_API queue_underflow : public std::runtime_error {
 public:
  explicit queue_underflow(std::size_t backlog);
  queue_underflow(const queue_underflow&) noexcept = default;
  queue_underflow& operator=(const queue_underflow&) noexcept = default;
  ~queue_underflow() override;
};

struct deferred_queue_options {
  std::size_t size = 65536;     ///< items that may wait to be taken
  std::size_t backlog = 65536;  ///< deferreds that may wait for items
};

/// A queue for callback code: `get()` returns a deferred that fires with the next item. Items and deferreds are served
/// in order. For tasks there is `channel`. Its destructor fails waiting deferreds with broken_deferred. One thread.
template <class T>
class deferred_queue {
 public:
  explicit deferred_queue(deferred_queue_options options = {}) noexcept : options_(options) {}
  deferred_queue(const deferred_queue&) = delete;
  deferred_queue& operator=(const deferred_queue&) = delete;

  /// Fires the first waiting deferred with `item`; its callbacks run before this returns, as those of every source do
  /// (see deferred_source). Without one, keeps the item, or throws queue_overflow if the queue is full; `item` is not
  /// taken then.
  void put(T&& item) {
    if (!waiters_.empty()) {
      waiters_.pop().callback(std::move(item));
    } else if (items_.size() < options_.size) {
      items_.push_back(std::move(item));
    } else {
      throw queue_overflow(options_.size);
    }
  }
  void put(const T& item) { put(T(item)); }

  /// Returns a deferred that fires with the next item. Cancelled while it waits, it has taken none. Throws
  /// queue_underflow if too many wait.
  [[nodiscard]] deferred<T> get() {
    if (!items_.empty()) {
      auto next = succeed(std::move(items_.front()));
      items_.pop_front();
      return next;
    }
    if (waiters_.size() >= options_.backlog) throw queue_underflow(options_.backlog);
    return waiters_.add();
  }

  /// Items that wait to be taken.
  [[nodiscard]] std::size_t size() const noexcept { return items_.size(); }
  /// The number of deferreds that wait.
  [[nodiscard]] std::size_t waiting() const noexcept { return waiters_.size(); }

 private:
  deferred_queue_options options_;
  std::deque<T> items_;
  detail::deferred_waiters<T> waiters_;
};

}  // namespace wring
