// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

#include <wring/core/detail/export.hpp>
#include <wring/core/detail/unique_function.hpp>

namespace wring::detail {

/// Bounded queue of work for one consumer thread from any number of producers, with the consumer's sleep and wake-up.
///
/// Consumer, once a turn: drain(); if there is nothing to do, prepare_sleep() and, if it agrees, block until the wake
/// callback has signalled or a deadline has passed; then awake(). No wake-up is lost: a push either is seen by the
/// consumer before it sleeps or calls the wake callback. There is at most one call a sleep, and none while the consumer
/// runs. (Both sides write one variable and then read the other's, hence sequential consistency.)
///
/// Items wait in nodes of a block made at construction and touched only as far as it gets used: pushing allocates
/// nothing. The inbox must outlive every call of try_push(). Immovable.
class WRING_API inbox {
 public:
  using item = unique_function<void()>;
  /// Called on a producer's thread to make the blocked consumer return.
  using wake_callback = void (*)(void*) noexcept;

  /// Throws std::invalid_argument if capacity is 0 or above 2^31, std::bad_alloc.
  inbox(std::size_t capacity, wake_callback wake, void* wake_argument);
  inbox(const inbox&) = delete;
  inbox& operator=(const inbox&) = delete;
  /// Destroys what still waits without running it, in the order of pushing.
  ~inbox();

  /// Any thread. False, and the work is left alone, when `capacity` items are waiting; while the consumer is in a drain
  /// the 64th part less than that (at most 31) may be enough.
  [[nodiscard]] bool try_push(item&& work) noexcept;

  /// Consumer. Takes up to limit items, in the order of pushing (hence FIFO for each producer), and calls
  /// visit(item&&) with each. An item no longer counts as waiting when it is visited; if the visitor throws, the later
  /// ones wait on. Returns how many were visited.
  template <class Visitor>
  std::size_t drain(std::size_t limit, Visitor&& visit) {
    std::size_t visited = 0;
    while (visited != limit && (taken_ != none || take_pushed())) {
      item work = pop_taken();
      ++visited;
      visit(std::move(work));
    }
    give_back();
    return visited;
  }

  /// Consumer. Whether a drain() would find something; what is pushed meanwhile may be missed.
  [[nodiscard]] bool maybe_waiting() const noexcept {
    return taken_ != none || pushed_.load(std::memory_order_relaxed) != none;
  }

  /// Consumer. Announces that it is about to block. False if something is waiting: then it must not block, and need not
  /// call awake().
  [[nodiscard]] bool prepare_sleep() noexcept {
    if (taken_ != none) return false;
    state_.exchange(sleeping, std::memory_order_seq_cst);
    if (pushed_.load(std::memory_order_seq_cst) == none) return true;
    state_.exchange(running, std::memory_order_seq_cst);
    return false;
  }
  /// Consumer. To be called when it has blocked, for whatever reason it woke.
  void awake() noexcept { state_.store(running, std::memory_order_relaxed); }

  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }

 private:
  using index = std::uint32_t;
  static constexpr index none = ~index{0};
  static constexpr std::uint32_t running = 0;
  static constexpr std::uint32_t sleeping = 1;
  static constexpr std::size_t cache_line = 64;

  struct node {
    std::atomic<index> next = none;
    item work;
  };

  index acquire_node() noexcept;
  bool take_pushed() noexcept;
  item pop_taken() noexcept;
  void give_back() noexcept;

  node* nodes_;
  const index capacity_;
  const wake_callback wake_;
  void* const wake_argument_;

  // Two lines that producers write, of which the consumer looks at the second in every turn, and one of its own. It
  // gives nodes back many at a time: else the first line goes to and fro between the processors with each item.
  alignas(cache_line) std::atomic<std::uint64_t> free_;  // low half: first free node; high half: count of changes
  std::atomic<index> used_ = 0;                          // nodes [0, used_) have been constructed

  alignas(cache_line) std::atomic<index> pushed_ = none;  // the last one first
  std::atomic<std::uint32_t> state_ = running;

  alignas(cache_line) index taken_ = none;  // the first one first
  index spent_ = none;                      // visited and to be given back, linked
  index last_spent_ = none;
  std::uint32_t spent_count_ = 0;
  const std::uint32_t spent_limit_;
};

}  // namespace wring::detail
