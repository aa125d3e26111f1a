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
/// runs. (Both sides write the gate: the second sees what the first has done.)
///
/// Items wait in a ring of slots made at construction: pushing allocates nothing. Of the ring's memory only the
/// beginning is used until more items wait at a time: when the consumer finds nothing waiting, it returns to the
/// beginning.
///
/// What a producer pushes may end the inbox before the push has returned, since the consumer may run it at once. So
/// close() waits for every producer that has taken a slot: the gate counts those that have left, at no cost of its own.
/// Immovable.
class WRING_API inbox {
 public:
  using item = unique_function<void()>;
  /// Called on a producer's thread to make the blocked consumer return.
  using wake_callback = void (*)(void*) noexcept;

  /// Throws std::invalid_argument if capacity is 0 or above 2^31, std::bad_alloc.
  inbox(std::size_t capacity, wake_callback wake, void* wake_argument);
  inbox(const inbox&) = delete;
  inbox& operator=(const inbox&) = delete;
  /// As close(); then destroys what still waits without running it, in the order of pushing.
  ~inbox();

  /// Any thread. False, and the work is left alone, when `capacity` items are waiting or the inbox is closed.
  [[nodiscard]] bool try_push(item&& work) noexcept;

  /// Consumer. Takes up to limit items, in the order of pushing (hence FIFO for each producer), and calls
  /// visit(item&&) with each. An item no longer counts as waiting when it is visited; if the visitor throws, the later
  /// ones wait on. Returns how many were visited.
  template <class Visitor>
  std::size_t drain(std::size_t limit, Visitor&& visit) {
    std::size_t visited = 0;
    for (; visited != limit && maybe_waiting(); ++visited) {
      item work = pop();
      visit(std::move(work));
    }
    if ((position_ & mask_) >= far_in) go_back();
    return visited;
  }

  /// Consumer. Whether a drain() would find something; what is pushed meanwhile may be missed.
  [[nodiscard]] bool maybe_waiting() noexcept { return is_full(std::memory_order_acquire); }

  /// Consumer. Announces that it is about to block. False if something is waiting: then it must not block, and need not
  /// call awake().
  [[nodiscard]] bool prepare_sleep() noexcept {
    left_ += gate_.exchange(asleep, std::memory_order_seq_cst);
    if (!is_full(std::memory_order_seq_cst)) return true;
    awake();
    return false;
  }
  /// Consumer. To be called when it has blocked, for whatever reason it woke.
  void awake() noexcept {
    const std::uint64_t was = gate_.exchange(0, std::memory_order_acq_rel);
    left_ += was & ~asleep;
    if (was > asleep) ++wakes_;
  }

  /// Consumer, not asleep. Refuses further items, and returns when no call of try_push() that has taken a slot uses the
  /// inbox any more. What has been pushed by then waits to be drained.
  void close() noexcept;

  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }

 private:
  static constexpr std::size_t cache_line = 64;
  static constexpr std::uint64_t far_in = 1024;                    // slots after which the consumer goes back
  static constexpr std::uint64_t locked = std::uint64_t{1} << 63;  // in tail_: it is just going back
  static constexpr std::uint64_t closed = std::uint64_t{1} << 62;  // in tail_
  static constexpr std::uint64_t asleep = std::uint64_t{1} << 63;  // in gate_

  /// One cache line. Zeroes are an empty one, so that the ring begins as untouched memory.
  struct alignas(cache_line) slot {
    alignas(item) std::byte work[sizeof(item)];
    std::uint32_t full;  // through atomic_ref
  };
  static_assert(sizeof(slot) == cache_line);

  [[nodiscard]] bool is_full(std::memory_order order) noexcept {
    return std::atomic_ref(slots_[position_ & mask_].full).load(order) != 0;
  }
  item pop() noexcept;
  void go_back() noexcept;

  void* memory_;
  slot* slots_;
  const std::uint64_t capacity_;
  const std::uint64_t mask_;
  const wake_callback wake_;
  void* const wake_argument_;

  // Positions count on for ever; a slot's is taken modulo the size of the ring. What producers write is a line of its
  // own, so is what the consumer writes with every item; producers look at that only if the inbox seems to be full.
  alignas(cache_line) std::atomic<std::uint64_t> tail_ = 0;  // the next position that a producer takes
  std::atomic<std::uint64_t> seen_ = 0;                      // a value that taken_ has had
  // Whether the consumer is asleep, and how many producers have left since it last wrote here.
  std::atomic<std::uint64_t> gate_ = 0;
  std::atomic<std::uint64_t> woken_ = 0;  // wake callbacks that have returned

  alignas(cache_line) std::atomic<std::uint64_t> taken_ = 0;  // as position_, for the producers
  std::uint64_t position_ = 0;                                // of the next item
  std::uint64_t skipped_ = 0;                                 // positions that were not taken
  std::uint64_t left_ = 0;                                    // producers that have left, as far as was looked
  std::uint64_t wakes_ = 0;                                   // sleeps that a producer was to end
};

}  // namespace wring::detail
