// SPDX-License-Identifier: MIT
#pragma once

#include <wring/core/awaiter.hpp>

namespace wring::detail {

/// Links of an awaiter in a wait_list.
struct wait_link {
  wait_link* previous;
  wait_link* next;

  wait_link() noexcept : previous(nullptr), next(nullptr) {}
  /// For entries that in most cases are in no list when they are destroyed.
  struct unset {};
  explicit wait_link(unset) noexcept {}

  /// Told which list it is in; hide it where that matters.
  template <class List>
  void joined(List&) noexcept {}
};

/// The tasks that wait for something, in order of arrival. Intrusive: waiting allocates nothing.
template <class Waiter>
class wait_list {
 public:
  wait_list() noexcept = default;
  wait_list(const wait_list&) = delete;
  wait_list& operator=(const wait_list&) = delete;

  [[nodiscard]] bool empty() const noexcept { return first_ == nullptr; }
  [[nodiscard]] Waiter* front() const noexcept { return static_cast<Waiter*>(first_); }

  void push(Waiter& w) noexcept {
    wait_link& link = w;
    link.previous = last_;
    link.next = nullptr;
    (last_ != nullptr ? last_->next : first_) = &link;
    last_ = &link;
    w.joined(*this);
  }

  void remove(Waiter& w) noexcept {
    wait_link& link = w;
    (link.previous != nullptr ? link.previous->next : first_) = link.next;
    (link.next != nullptr ? link.next->previous : last_) = link.previous;
  }

  Waiter* pop() noexcept {
    Waiter* w = front();
    if (w != nullptr) remove(*w);
    return w;
  }

 private:
  wait_link* first_ = nullptr;
  wait_link* last_ = nullptr;
};

/// Base of a leaf that waits in a wait_list and can be taken out of it at any time: `suspend` pushes it, whoever pops
/// it completes it.
template <class Derived, class T = void>
class listed_wait : public leaf<Derived, T>, public wait_link {
 public:
  void cancel() noexcept override {
    list_->remove(static_cast<Derived&>(*this));
    this->confirm_cancel();
  }
  /// For the list.
  void joined(wait_list<Derived>& list) noexcept { list_ = &list; }

 private:
  wait_list<Derived>* list_ = nullptr;
};

}  // namespace wring::detail
