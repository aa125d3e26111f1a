// SPDX-License-Identifier: MIT
#include <bit>
#include <cstdlib>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>

#include <wring/core/detail/scheduling/inbox.hpp>

// A producer takes a position with one exchange, fills the slot, says so in the slot, and leaves through the gate: with
// one producer that is two atomic operations on a line that it usually owns already, and none of the consumer's are.
// Slots in a row matter as much: the processor fetches the next ones ahead, where nodes of a list would each be waited
// for.

namespace wring::detail {
namespace {

std::uint64_t checked(std::size_t capacity) {
  constexpr std::size_t most = std::size_t{1} << 31;
  if (capacity == 0 || capacity > most) {
    throw std::invalid_argument("inbox: the capacity must be from 1 to 2147483648, not " + std::to_string(capacity));
  }
  return capacity;
}

/// The consumer has written to these lines last; a write that waits for one holds up the atomic operation behind it.
inline void fetch_for_writing([[maybe_unused]] const void* line) noexcept {
#if defined(__x86_64__)
  __asm__ volatile("prefetchw %0" : : "m"(*static_cast<const char*>(line)));
#else
  __builtin_prefetch(line, 1);
#endif
}
constexpr std::uint64_t ahead = 8;

}  // namespace

inbox::inbox(std::size_t capacity, wake_callback wake, void* wake_argument)
    : memory_(nullptr),
      capacity_(checked(capacity)),
      mask_(std::bit_ceil(capacity_) - 1),
      wake_(wake),
      wake_argument_(wake_argument) {
  std::size_t room = (mask_ + 2) * sizeof(slot);  // one more, for the alignment
  memory_ = std::calloc(room, 1);
  if (memory_ == nullptr) throw std::bad_alloc();
  void* aligned = memory_;
  slots_ = static_cast<slot*>(std::align(cache_line, (mask_ + 1) * sizeof(slot), aligned, room));
}

inbox::~inbox() {
  close();
  while (maybe_waiting()) static_cast<void>(pop());
  std::free(memory_);
}

bool inbox::try_push(item&& work) noexcept {
  // Acquired, so that what is seen of taken_ is no older: the consumer writes that first when it moves back.
  std::uint64_t position = tail_.load(std::memory_order_acquire);
  for (;;) {
    if ((position & (locked | closed)) != 0) [[unlikely]] {
      if ((position & closed) != 0) return false;
      std::this_thread::yield();
      position = tail_.load(std::memory_order_acquire);
      continue;
    }
    if (position - seen_.load(std::memory_order_acquire) >= capacity_) {
      const std::uint64_t taken = taken_.load(std::memory_order_acquire);
      if (position - taken >= capacity_) {
        // Only if that is still the tail: otherwise the consumer may have moved on, or back, meanwhile.
        const std::uint64_t now = tail_.load(std::memory_order_acquire);
        if (now == position) return false;
        position = now;
        continue;
      }
      seen_.store(taken, std::memory_order_release);
    }
    if (tail_.compare_exchange_weak(position, position + 1, std::memory_order_acquire, std::memory_order_relaxed))
      break;
  }
  fetch_for_writing(&slots_[(position + ahead) & mask_]);
  slot& s = slots_[position & mask_];
  ::new (static_cast<void*>(s.work)) item(std::move(work));
  std::atomic_ref(s.full).store(1, std::memory_order_release);
  // The first to leave during a sleep wakes the consumer. All others have finished with the inbox, which may have been
  // destroyed.
  if (gate_.fetch_add(1, std::memory_order_seq_cst) == asleep) [[unlikely]] {
    wake_(wake_argument_);
    woken_.fetch_add(1, std::memory_order_release);
  }
  return true;
}

void inbox::close() noexcept {
  const std::uint64_t taken = (tail_.fetch_or(closed, std::memory_order_acq_rel) & ~closed) - skipped_;
  for (;;) {
    awake();
    if (left_ == taken && woken_.load(std::memory_order_acquire) == wakes_) return;
    std::this_thread::yield();
  }
}

inbox::item inbox::pop() noexcept {
  slot& s = slots_[position_ & mask_];
  item& held = *std::launder(reinterpret_cast<item*>(s.work));
  item work = std::move(held);
  held.~item();
  std::atomic_ref(s.full).store(0, std::memory_order_relaxed);
  taken_.store(++position_, std::memory_order_release);
  return work;
}

// To the beginning of the ring, if no position has been taken since; the positions between count as visited.
void inbox::go_back() noexcept {
  std::uint64_t expected = position_;
  if (tail_.load(std::memory_order_relaxed) != expected ||
      !tail_.compare_exchange_strong(expected, expected | locked, std::memory_order_relaxed)) {
    return;
  }
  skipped_ += (position_ | mask_) + 1 - position_;
  position_ = (position_ | mask_) + 1;
  taken_.store(position_, std::memory_order_release);
  tail_.store(position_, std::memory_order_release);
}

}  // namespace wring::detail
