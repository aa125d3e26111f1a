// SPDX-License-Identifier: MIT
#pragma once

namespace wring::detail {

struct turn_end_link {
  turn_end_link* previous = this;
  turn_end_link* next = this;
};

/// Something that is to be done once at the end of a scheduler's turn: after the turn's tasks have run, and before the
/// engine is entered. `scheduler::at_end_of_turn` links it. It may attempt, submit, queue tasks, link itself or others
/// (for the end of the next turn, which does not wait then) and destroy any entry, itself included; it must not run
/// coroutines. Destroying it takes it out.
class end_of_turn : turn_end_link {
 public:
  using function = void (*)(end_of_turn&) noexcept;

  explicit end_of_turn(function f) noexcept : function_(f) {}
  end_of_turn(const end_of_turn&) = delete;
  end_of_turn& operator=(const end_of_turn&) = delete;
  ~end_of_turn() { unlink(); }

  [[nodiscard]] bool linked() const noexcept { return next != this; }
  /// It will not be called. Does nothing if it is not linked.
  void unlink() noexcept {
    previous->next = next;
    next->previous = previous;
    previous = next = this;
  }

 private:
  friend class end_of_turn_list;
  function function_;
};

/// The entries of a scheduler, in the order in which they were linked.
class end_of_turn_list {
 public:
  end_of_turn_list() noexcept = default;
  end_of_turn_list(const end_of_turn_list&) = delete;
  end_of_turn_list& operator=(const end_of_turn_list&) = delete;

  [[nodiscard]] bool empty() const noexcept { return head_.next == &head_; }
  /// Something has been linked since the last run(), though it may have been taken out again.
  [[nodiscard]] bool pending() const noexcept { return pending_; }

  /// At the end, unless it is linked already.
  void link(end_of_turn& e) noexcept {
    if (e.linked()) return;
    pending_ = true;
    e.previous = head_.previous;
    e.next = &head_;
    e.previous->next = e.next->previous = &e;
  }

  /// Calls the entries that are linked now, each after unlinking it.
  void run() noexcept {
    pending_ = false;
    if (empty()) return;
    // What is linked meanwhile has its turn next time.
    turn_end_link due;
    due.next = head_.next;
    due.previous = head_.previous;
    due.next->previous = due.previous->next = &due;
    head_.next = head_.previous = &head_;
    while (due.next != &due) {
      auto& e = static_cast<end_of_turn&>(*due.next);
      e.unlink();
      e.function_(e);
    }
  }

  /// Takes all of them out, uncalled.
  void clear() noexcept {
    while (!empty()) static_cast<end_of_turn&>(*head_.next).unlink();
  }

 private:
  turn_end_link head_;
  bool pending_ = false;
};

}  // namespace wring::detail
