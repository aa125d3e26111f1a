// SPDX-License-Identifier: MIT
#include <algorithm>
#include <new>
#include <stdexcept>
#include <string>

#include <wring/core/detail/inbox.hpp>

// The free nodes and the pushed ones are two stacks linked by index. Only the free one is popped by several threads; a
// count in its head, changed by every operation, keeps a stale pop from succeeding. Nodes are never given back before
// the inbox goes, so reading the link of a node that another thread has just taken is harmless.

namespace wring::detail {
namespace {

constexpr std::uint64_t pack(std::uint64_t changes, std::uint32_t first) noexcept { return changes << 32 | first; }
constexpr std::uint32_t first_of(std::uint64_t head) noexcept { return static_cast<std::uint32_t>(head); }
constexpr std::uint64_t changes_of(std::uint64_t head) noexcept { return head >> 32; }

std::uint32_t checked(std::size_t capacity) {
  constexpr std::size_t most = std::size_t{1} << 31;
  if (capacity == 0 || capacity > most) {
    throw std::invalid_argument("inbox: the capacity must be from 1 to 2147483648, not " + std::to_string(capacity));
  }
  return static_cast<std::uint32_t>(capacity);
}

}  // namespace

inbox::inbox(std::size_t capacity, wake_callback wake, void* wake_argument)
    : capacity_(checked(capacity)),
      wake_(wake),
      wake_argument_(wake_argument),
      free_(pack(0, none)),
      spent_limit_(std::clamp(capacity_ / 64, 1U, 32U)) {
  nodes_ = static_cast<node*>(::operator new(capacity * sizeof(node), std::align_val_t{cache_line}));
}

inbox::~inbox() {
  while (taken_ != none || take_pushed()) static_cast<void>(pop_taken());
  // All nodes hold empty functions now: there is nothing in them to destroy.
  ::operator delete(nodes_, std::align_val_t{cache_line});
}

inbox::index inbox::acquire_node() noexcept {
  std::uint64_t head = free_.load(std::memory_order_acquire);
  while (first_of(head) != none) {
    const index next = nodes_[first_of(head)].next.load(std::memory_order_relaxed);
    if (free_.compare_exchange_weak(head, pack(changes_of(head) + 1, next), std::memory_order_acquire,
                                    std::memory_order_acquire)) {
      return first_of(head);
    }
  }
  index fresh = used_.load(std::memory_order_relaxed);
  do {
    if (fresh == capacity_) return none;
  } while (!used_.compare_exchange_weak(fresh, fresh + 1, std::memory_order_relaxed));
  ::new (&nodes_[fresh]) node;
  return fresh;
}

void inbox::give_back() noexcept {
  if (spent_count_ == 0) return;
  std::uint64_t head = free_.load(std::memory_order_relaxed);
  do {
    nodes_[last_spent_].next.store(first_of(head), std::memory_order_relaxed);
  } while (!free_.compare_exchange_weak(head, pack(changes_of(head) + 1, spent_), std::memory_order_release,
                                        std::memory_order_relaxed));
  spent_count_ = 0;
}

bool inbox::try_push(item&& work) noexcept {
  const index which = acquire_node();
  if (which == none) return false;
  node& fresh = nodes_[which];
  fresh.work = std::move(work);
  index last = pushed_.load(std::memory_order_relaxed);
  do {
    fresh.next.store(last, std::memory_order_relaxed);
  } while (!pushed_.compare_exchange_weak(last, which, std::memory_order_seq_cst, std::memory_order_relaxed));
  // Looking first leaves the line alone while the consumer runs; the exchange elects the one producer that wakes it.
  if (state_.load(std::memory_order_seq_cst) == sleeping &&
      state_.exchange(running, std::memory_order_seq_cst) == sleeping) {
    wake_(wake_argument_);
  }
  return true;
}

bool inbox::take_pushed() noexcept {
  if (pushed_.load(std::memory_order_relaxed) == none) return false;
  index last = pushed_.exchange(none, std::memory_order_acquire);
  while (last != none) {
    const index earlier = nodes_[last].next.load(std::memory_order_relaxed);
    nodes_[last].next.store(taken_, std::memory_order_relaxed);
    taken_ = last;
    last = earlier;
  }
  return true;
}

inbox::item inbox::pop_taken() noexcept {
  const index which = taken_;
  taken_ = nodes_[which].next.load(std::memory_order_relaxed);
  item work = std::move(nodes_[which].work);
  nodes_[which].next.store(spent_, std::memory_order_relaxed);
  spent_ = which;
  if (spent_count_ == 0) last_spent_ = which;
  if (++spent_count_ == spent_limit_) give_back();
  return work;
}

}  // namespace wring::detail
