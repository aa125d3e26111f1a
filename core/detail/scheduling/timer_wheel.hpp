// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>

#include <wring/core/detail/export.hpp>
#include <wring/core/detail/saturating.hpp>

namespace wring::detail {

/// One deadline in a timer_wheel: embedded in (or a base of) what waits for it, so arming allocates nothing. Belongs to
/// the wheel's thread. Immovable, and must not be armed when it is destroyed: that aborts in every build, since the
/// wheel would go on to write through the dead node. While it is armed, all members but on_expire are the wheel's to
/// write.
struct timer {
  /// Called once when the timer fires; the timer is no longer armed by then and may be armed again or destroyed.
  using callback = void (*)(timer&) noexcept;

  explicit timer(callback expire, std::int64_t deadline = 0) noexcept : deadline_ns(deadline), on_expire(expire) {}
  timer(const timer&) = delete;
  timer& operator=(const timer&) = delete;
  ~timer() {
    if (armed()) [[unlikely]]
      destroyed_while_armed();
  }

  [[nodiscard]] bool armed() const noexcept { return slot != unarmed; }

  static constexpr std::uint16_t unarmed = 0xffff;

  timer* next = nullptr;
  timer** link = nullptr;      ///< The pointer that points here: the slot's head or the predecessor's next.
  std::int64_t deadline_ns;    ///< means nothing to the wheel while it is not armed
  std::uint64_t sequence = 0;  ///< Order of arming; breaks ties between equal deadlines.
  callback on_expire;
  std::uint16_t slot = unarmed;

 private:
  [[noreturn]] WRING_API void destroyed_while_armed() const noexcept;
};

/// Hierarchical timing wheel: the timers of one scheduler, in the nanoseconds of its clock.
///
/// arm() and cancel() are O(1) and allocate nothing. Time is cut into ticks of 2^16 ns; each of 8 levels has 64 slots,
/// together the whole range of a 64-bit clock. A timer is put on the level of the highest 6-bit group in which its tick
/// differs from the current one, hence every timer of a level is due before any of the next level, and the earliest
/// slot is found in the bitmaps. Ticks only sort timers into slots: they fire by their exact deadline. A timer that is
/// moved to a later deadline stays where it is until time reaches that slot: a connection that puts off its timeout
/// with every message touches no memory but its own.
///
/// Entering a slot spreads its timers over the levels below, which costs O(timers in it) in that one advance().
/// For one thread; immovable.
class WRING_API timer_wheel {
 public:
  /// What next_deadline() says when nothing is armed.
  static constexpr std::int64_t never = detail::end_of_time;

  /// now_ns is any point of the clock, negative ones included.
  explicit timer_wheel(std::int64_t now_ns) noexcept : tick_(to_tick(now_ns)) {}
  timer_wheel(const timer_wheel&) = delete;
  timer_wheel& operator=(const timer_wheel&) = delete;
  /// Disarms what is still armed, without firing it.
  ~timer_wheel();

  /// Makes t fire in the first advance() that reaches deadline_ns (at the next one if that is past already). A timer
  /// that is armed in this wheel is moved to the new deadline, and counts as armed now for the order among equals.
  void arm(timer& t, std::int64_t deadline_ns) noexcept {
    t.sequence = next_sequence_++;
    if (t.slot < due_slot && deadline_ns >= t.deadline_ns && !alone(t)) {
      t.deadline_ns = deadline_ns;
      return;
    }
    if (t.armed()) {
      unlink(t);
    } else {
      ++size_;
    }
    t.deadline_ns = deadline_ns;
    link(t, slot_for(deadline_ns));
  }

  /// As arm(), for a deadline that may be never: t is not armed then, or no longer.
  void schedule(timer& t, std::int64_t deadline_ns) noexcept {
    if (deadline_ns != never) [[likely]]
      return arm(t, deadline_ns);
    cancel(t);
    t.deadline_ns = never;
  }

  /// Makes t not fire. Does nothing if it is not armed. From within a callback it also stops a timer that is due in
  /// the same advance() and has not fired yet.
  void cancel(timer& t) noexcept {
    if (!t.armed()) return;
    unlink(t);
    t.slot = timer::unarmed;
    --size_;
  }

  /// Moves time to now_ns and fires every timer with a deadline at or before it, by (deadline, order of arming), and
  /// none before its deadline. Callbacks may arm and cancel any timer; what they arm fires in a later advance(), even
  /// if it is due already. They must not call advance(). Time that moves backwards counts as standing still. Returns
  /// how many timers fired.
  std::size_t advance(std::int64_t now_ns) noexcept {
    const std::uint64_t tick = to_tick(now_ns);
    if (tick <= tick_) {
      const slot& current = slots_[tick_ & slot_mask];
      if (current.head == nullptr || current.min > now_ns) return 0;
    }
    return expire(tick, now_ns);
  }

  /// The earliest deadline, or never. After the earliest timer was cancelled or moved, possibly an earlier time than
  /// the true next deadline, but never a later one; an advance() to that time fires nothing and corrects it.
  [[nodiscard]] std::int64_t next_deadline() const noexcept {
    const unsigned index = earliest();
    return index != due_slot ? slots_[index].min : never;
  }

  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  /// How many timers are armed.
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

 private:
  static constexpr unsigned tick_bits = 16;
  static constexpr unsigned group_bits = 6;
  static constexpr unsigned levels = 8;
  static constexpr unsigned slots_per_level = 1U << group_bits;
  static constexpr std::uint64_t slot_mask = slots_per_level - 1;
  /// Past the wheel's own: the slot of the timers that the running advance() has yet to fire. To cancel() it is as any
  /// other.
  static constexpr std::uint16_t due_slot = levels * slots_per_level;
  static_assert(tick_bits + levels * group_bits == 64);

  struct slot {
    timer* head = nullptr;
    std::int64_t min = 0;  // no deadline in here is earlier; means nothing while the slot is empty
  };

  /// Flipping the sign bit maps the order of signed times onto that of unsigned ticks.
  static constexpr std::uint64_t to_tick(std::int64_t time_ns) noexcept {
    return (static_cast<std::uint64_t>(time_ns) ^ (std::uint64_t{1} << 63)) >> tick_bits;
  }

  /// The highest group in which two ticks with this (exclusive-or) difference differ.
  static constexpr unsigned level_of(std::uint64_t difference) noexcept {
    return static_cast<unsigned>(std::bit_width(difference | 1) - 1) / group_bits;
  }

  static constexpr unsigned group(std::uint64_t tick, unsigned level) noexcept {
    return static_cast<unsigned>((tick >> (level * group_bits)) & slot_mask);
  }

  [[nodiscard]] std::uint16_t slot_for(std::int64_t deadline_ns) const noexcept {
    const std::uint64_t wanted = to_tick(deadline_ns);
    const std::uint64_t tick = wanted > tick_ ? wanted : tick_;
    const unsigned level = level_of(tick ^ tick_);
    return static_cast<std::uint16_t>(level * slots_per_level + group(tick, level));
  }

  /// The first slot with a timer in it, or due_slot if there is none.
  [[nodiscard]] unsigned earliest() const noexcept {
    unsigned level = 0;
    while (level != levels && occupied_[level] == 0) ++level;
    if (level == levels) return due_slot;
    return level * slots_per_level + static_cast<unsigned>(std::countr_zero(occupied_[level]));
  }

  /// Whether t has a slot for itself.
  [[nodiscard]] bool alone(const timer& t) const noexcept {
    return t.next == nullptr && t.link == &slots_[t.slot].head;
  }

  void link(timer& t, std::uint16_t index) noexcept {
    slot& target = slots_[index];
    t.slot = index;
    t.link = &target.head;
    t.next = target.head;
    if (target.head != nullptr) {
      target.head->link = &t.next;
      if (t.deadline_ns < target.min) target.min = t.deadline_ns;
    } else {
      occupied_[index / slots_per_level] |= std::uint64_t{1} << (index & slot_mask);
      target.min = t.deadline_ns;
    }
    target.head = &t;
  }

  void unlink(timer& t) noexcept {
    *t.link = t.next;
    if (t.next != nullptr) t.next->link = t.link;
    if (slots_[t.slot].head == nullptr) {
      occupied_[t.slot / slots_per_level] &= ~(std::uint64_t{1} << (t.slot & slot_mask));
    }
  }

  std::size_t expire(std::uint64_t target, std::int64_t now_ns) noexcept;
  void collect(std::uint64_t target, std::int64_t now_ns) noexcept;
  timer* detach(unsigned index) noexcept;

  std::uint64_t tick_;
  std::uint64_t next_sequence_ = 0;
  std::size_t size_ = 0;
  std::array<std::uint64_t, levels + 1> occupied_{};
  std::array<slot, due_slot + 1> slots_{};
};

}  // namespace wring::detail
