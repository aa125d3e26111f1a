// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include <wring/core/detail/scheduling/timer_wheel.hpp>

namespace wring::detail {
namespace {

bool before(const timer& a, const timer& b) noexcept {
  return a.deadline_ns != b.deadline_ns ? a.deadline_ns < b.deadline_ns : a.sequence < b.sequence;
}

void push(timer*& list, timer& t) noexcept {
  t.next = list;
  list = &t;
}

/// Takes the longest ordered prefix off the list, in ascending order; a descending prefix is turned round.
timer* take_run(timer*& list) noexcept {
  timer* first = std::exchange(list, list->next);
  timer* last = first;
  if (list != nullptr && before(*list, *first)) {
    while (list != nullptr && before(*list, *first)) push(first, *std::exchange(list, list->next));
  } else {
    while (list != nullptr && before(*last, *list)) last = std::exchange(list, list->next);
  }
  last->next = nullptr;
  return first;
}

timer* merge(timer* a, timer* b) noexcept {
  timer* merged = nullptr;
  timer** tail = &merged;
  while (a != nullptr && b != nullptr) {
    timer*& first = before(*a, *b) ? a : b;
    *tail = first;
    tail = &first->next;
    first = first->next;
  }
  *tail = a != nullptr ? a : b;
  return merged;
}

/// Natural merge sort: timers armed with the same timeout come in one run.
timer* sort(timer* list) noexcept {
  if (list == nullptr || list->next == nullptr) return list;
  std::array<timer*, 64> merged{};  // merged[i] holds 2^i runs
  std::size_t used = 0;
  while (list != nullptr) {
    timer* run = take_run(list);
    std::size_t i = 0;
    for (; merged[i] != nullptr; ++i) run = merge(std::exchange(merged[i], nullptr), run);
    merged[i] = run;
    if (i >= used) used = i + 1;
  }
  timer* sorted = nullptr;
  for (std::size_t i = 0; i != used; ++i) sorted = merge(merged[i], sorted);
  return sorted;
}

}  // namespace

void timer::destroyed_while_armed() const noexcept {
  std::fprintf(stderr, "wring: a timer was destroyed while armed (deadline %" PRId64 " ns): cancel it first\n",
               deadline_ns);
  std::abort();
}

timer_wheel::~timer_wheel() {
  for (slot& each : slots_) {
    while (each.head != nullptr) cancel(*each.head);
  }
}

timer* timer_wheel::detach(unsigned index) noexcept {
  occupied_[index / slots_per_level] &= ~(std::uint64_t{1} << (index & slot_mask));
  return std::exchange(slots_[index].head, nullptr);
}

/// Moves time to the target tick and lists what is due, in order, in the due slot. Slot by slot, so that even if very
/// many are due, few are sorted together.
void timer_wheel::collect(std::uint64_t target, std::int64_t now_ns) noexcept {
  timer** tail = &slots_[due_slot].head;
  for (unsigned index = earliest(); index != due_slot; index = earliest()) {
    const unsigned level = index / slots_per_level;
    const unsigned shift = level * group_bits;
    const std::uint64_t start = (((tick_ >> shift) & ~slot_mask) | (index & slot_mask)) << shift;
    if (start > target) break;
    // Straight to the slot's first timer, which thereby moves down to level 0 at once.
    tick_ = level == 0 ? start : std::clamp(to_tick(slots_[index].min), start, target);
    timer* due = nullptr;
    timer* list = detach(index);
    while (list != nullptr) {
      timer& t = *std::exchange(list, list->next);
      if (level == 0 && t.deadline_ns <= now_ns && to_tick(t.deadline_ns) <= tick_) {
        push(due, t);
      } else {
        link(t, slot_for(t.deadline_ns));
      }
    }
    for (timer* t = sort(due); t != nullptr; t = t->next) {
      t->slot = due_slot;
      t->link = tail;
      *tail = t;
      tail = &t->next;
    }
    if (level == 0 && start == target) break;  // what was put back is due later in this tick
  }
  tick_ = target;
}

std::size_t timer_wheel::expire(std::uint64_t target, std::int64_t now_ns) noexcept {
  slot& due = slots_[due_slot];
  if (due.head != nullptr) {
    std::fputs("wring: timer_wheel::advance() was called from within a timer's callback\n", stderr);
    std::abort();
  }
  collect(std::max(target, tick_), now_ns);
  std::size_t fired = 0;
  while (due.head != nullptr) {
    timer& t = *due.head;
    cancel(t);
    ++fired;
    t.on_expire(t);
  }
  return fired;
}

}  // namespace wring::detail
