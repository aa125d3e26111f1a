// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <type_traits>
#include <utility>
#include <vector>

#include <wring/core/detail/awaiting/remote_end.hpp>
#include <wring/core/detail/awaiting/wait_list.hpp>
#include <wring/core/detail/destroyed_in_use.hpp>
#include <wring/core/detail/gcc12.hpp>
#include <wring/core/error.hpp>
#include <wring/core/result.hpp>
#include <wring/core/scheduler.hpp>

namespace wring {

/// A bounded queue between tasks of any schedulers, and other threads, with any number of senders and receivers:
///
///     wring::cross_channel<job> jobs(1024);              // made before the schedulers, and destroyed after them
///     co_await jobs.send(next);                          // waits while it is full
///     while (auto j = co_await jobs.receive()) work(*j); // until it is closed and empty
///
/// As `channel`, but for threads: items are received in the order they were sent, waiting senders and receivers are
/// served in order of arrival, whichever scheduler they are on, and an item is handed to a waiting receiver directly.
/// All functions may be called from any thread, those that are awaited from tasks; a lock is held for a moment. A
/// scheduler that sleeps is woken once for all that it is told meanwhile. Memory for `capacity` items is allocated
/// once; sending, receiving and waiting allocate nothing. Destroying a channel that tasks wait for ends the process
/// with a message; items left in it are destroyed, by the thread that does.
template <class T>
class cross_channel {
  static_assert(std::is_object_v<T> && !std::is_const_v<T> && std::is_nothrow_move_constructible_v<T>,
                "cross_channel<T>: T is an object type whose move constructor is noexcept");

 public:
  /// Throws std::invalid_argument for a capacity of zero.
  explicit cross_channel(std::size_t capacity) : slots_(checked(capacity)) {}
  cross_channel(const cross_channel&) = delete;
  cross_channel& operator=(const cross_channel&) = delete;
  ~cross_channel() {
    const std::lock_guard lock(mutex_);
    if (!senders_.empty() || !receivers_.empty()) [[unlikely]]
      detail::destroyed_in_use("a cross_channel");
  }

  /// Sends `item`; waits while the channel is full. Throws io_error with errc::channel_closed if the channel is closed,
  /// now or while this waits: then nothing was sent. Delivering; cancelled while it waits, it has sent nothing.
  template <class U = T>
    requires std::constructible_from<T, U>
  [[nodiscard]] auto send(U&& item) noexcept(std::is_nothrow_constructible_v<T, U>) {
    static_assert(detail::safe_temporary<U>,
                  "g++ before 13 destroys aggregates twice that are temporaries in a co_await expression: give the "
                  "type a constructor, or send a named object by std::move with a constructor of its own");
    return send_wait(*this, std::forward<U>(item));
  }

  /// Sends `item` if that does not require waiting. False if the channel is full or closed; `item` is unchanged then.
  [[nodiscard]] bool try_send(T&& item) noexcept {
    receive_wait* to_tell = nullptr;
    {
      const std::lock_guard lock(mutex_);
      if (closed_ || !has_room()) return false;
      to_tell = put(std::move(item));
    }
    if (to_tell != nullptr) to_tell->tell();
    return true;
  }
  [[nodiscard]] bool try_send(const T& item) noexcept(std::is_nothrow_copy_constructible_v<T>) {
    return try_send(T(item));
  }

  /// Waits for an item. Empty if the channel is closed and everything sent before has been received. Returning:
  /// cancelled, it has taken nothing. An item that was handed over before the cancellation came is delivered, and the
  /// task's next await is cancelled. An item that a when_all or when_any has received and does not deliver is put back
  /// before all that were sent after it, even if the channel is full by then.
  [[nodiscard]] auto receive() noexcept { return receive_wait(*this); }

  /// Takes the next item if there is one.
  [[nodiscard]] std::optional<T> try_receive() noexcept {
    std::optional<T> item;
    std::uint64_t number = 0;
    send_wait* to_tell = nullptr;
    {
      const std::lock_guard lock(mutex_);
      to_tell = take(item, number);
    }
    if (to_tell != nullptr) to_tell->tell();
    return item;
  }

  /// Ends sending: items in the channel can still be received; after them, receive() returns nothing. Waiting sends
  /// fail. Any number of times.
  void close() noexcept {
    detail::wait_list<send_wait> senders;
    detail::wait_list<receive_wait> receivers;
    {
      const std::lock_guard lock(mutex_);
      closed_ = true;
      while (send_wait* w = senders_.pop()) leave(*w, senders);
      while (receive_wait* w = receivers_.pop()) leave(*w, receivers);
    }
    while (send_wait* w = senders.pop()) w->tell();
    while (receive_wait* w = receivers.pop()) w->tell();
  }
  [[nodiscard]] bool closed() const noexcept {
    const std::lock_guard lock(mutex_);
    return closed_;
  }

  /// Items stored, not counting those of waiting sends; others may change that at once.
  [[nodiscard]] std::size_t size() const noexcept {
    const std::lock_guard lock(mutex_);
    return size_ + returned_.size();
  }
  [[nodiscard]] std::size_t capacity() const noexcept { return slots_.size(); }

 private:
  static std::size_t checked(std::size_t capacity) {
    if (capacity == 0) throw std::invalid_argument("cross_channel: the capacity must be at least 1");
    return capacity;
  }

  /// What both kinds of waits have in common. The lock guards whether it is in a list; whoever takes it out tells it,
  /// without the lock, that it has ended.
  template <class Derived, class Value>
  class end_wait : public leaf<Derived, Value>, public detail::wait_link, detail::remote_end {
   public:
    explicit end_wait(cross_channel& c) noexcept
        : remote_end([](remote_end& e) noexcept { static_cast<end_wait&>(e).awaiter::complete(); }), channel_(c) {}

    void suspend() noexcept {
      auto& self = static_cast<Derived&>(*this);
      home_ = &this->home();
      if (self.try_or(true)) this->awaiter::complete();
    }
    bool ready() noexcept { return static_cast<Derived&>(*this).try_or(false); }
    void cancel() noexcept override {
      {
        const std::lock_guard lock(channel_.mutex_);
        if (!waits_) return;  // it is about to be told of an outcome
        waits_ = false;
        static_cast<Derived&>(*this).list().remove(static_cast<Derived&>(*this));
      }
      this->confirm_cancel();
    }
    void tell() noexcept { home_->resume_from_anywhere(*this); }

   protected:
    friend cross_channel;
    cross_channel& channel_;
    scheduler* home_ = nullptr;
    bool waits_ = false;
  };

  class send_wait : public end_wait<send_wait, void> {
   public:
    template <class U>
    explicit send_wait(cross_channel& c, U&& item) : end_wait<send_wait, void>(c), item_(std::forward<U>(item)) {}

    void take() { take_result().value(); }
    wring::result<> take_result() noexcept {
      if (sent_) return {};
      return error(errc::channel_closed, "send to a channel");
    }
    [[nodiscard]] auto result() && noexcept { return detail::as_result<send_wait>(*this); }
    wait_description describe() const noexcept override { return {.operation = "send to a cross_channel"}; }

    /// Whether it has ended; otherwise it waits, if it is to.
    bool try_or(bool to_wait) noexcept {
      receive_wait* to_tell = nullptr;
      {
        cross_channel& c = this->channel_;
        const std::lock_guard lock(c.mutex_);
        if (c.closed_) return true;
        if (!c.has_room()) {
          if (to_wait) c.enter(*this, c.senders_);
          return false;
        }
        sent_ = true;
        to_tell = c.put(std::move(item_));
      }
      if (to_tell != nullptr) to_tell->tell();
      return true;
    }
    auto& list() noexcept { return this->channel_.senders_; }
    T&& hand_over() noexcept {
      sent_ = true;
      return std::move(item_);
    }

   private:
    T item_;
    bool sent_ = false;
  };

  class receive_wait : public end_wait<receive_wait, std::optional<T>> {
   public:
    explicit receive_wait(cross_channel& c) noexcept : end_wait<receive_wait, std::optional<T>>(c) {}

    std::optional<T> take() noexcept { return std::move(item_); }
    wring::result<std::optional<T>> take_result() noexcept { return std::move(item_); }
    void put_back(std::optional<T>& item) noexcept {
      if (item) this->channel_.put_back(std::move(*item), number_);
    }
    [[nodiscard]] auto result() && noexcept { return detail::as_result<receive_wait>(*this); }
    wait_description describe() const noexcept override { return {.operation = "receive from a cross_channel"}; }

    bool try_or(bool to_wait) noexcept {
      send_wait* to_tell = nullptr;
      {
        cross_channel& c = this->channel_;
        const std::lock_guard lock(c.mutex_);
        to_tell = c.take(item_, number_);
        if (!item_ && !c.closed_) {
          if (to_wait) c.enter(*this, c.receivers_);
          return false;
        }
      }
      if (to_tell != nullptr) to_tell->tell();
      return true;
    }
    auto& list() noexcept { return this->channel_.receivers_; }
    void deliver(T&& item, std::uint64_t number) noexcept {
      item_.emplace(std::move(item));
      number_ = number;
    }

   private:
    std::optional<T> item_;
    std::uint64_t number_ = 0;
  };

  // All below with the lock. Receivers wait only while nothing is stored, senders only while it is full.

  template <class Wait>
  void enter(Wait& w, detail::wait_list<Wait>& list) noexcept {
    w.waits_ = true;
    list.push(w);
  }
  /// Takes note that `w`, out of the channel's list, is going to be told; it may be kept in another list until then.
  template <class Wait>
  void leave(Wait& w, detail::wait_list<Wait>& to_tell) noexcept {
    w.waits_ = false;
    to_tell.push(w);
  }
  template <class Wait>
  Wait* next(detail::wait_list<Wait>& list) noexcept {
    Wait* const w = list.pop();
    if (w != nullptr) w->waits_ = false;
    return w;
  }

  [[nodiscard]] bool has_room() const noexcept { return !receivers_.empty() || size_ != slots_.size(); }

  /// Returns whom to tell.
  receive_wait* put(T&& item) noexcept {
    if (receive_wait* const w = next(receivers_)) {
      w->deliver(std::move(item), taken_++);
      return w;
    }
    slots_[(head_ + size_) % slots_.size()].emplace(std::move(item));
    ++size_;
    return nullptr;
  }

  /// The same. Nothing is taken if nothing is stored.
  send_wait* take(std::optional<T>& out, std::uint64_t& number) noexcept {
    if (!returned_.empty()) [[unlikely]] {
      const auto first = returned_.begin();
      number = first->first;
      out.emplace(std::move(first->second));
      returned_.erase(first);
      return nullptr;
    }
    if (size_ == 0) return nullptr;
    number = taken_++;
    std::optional<T>& slot = slots_[head_];
    out.emplace(std::move(*slot));
    slot.reset();
    head_ = (head_ + 1) % slots_.size();
    --size_;
    send_wait* const w = next(senders_);
    if (w != nullptr) static_cast<void>(put(w->hand_over()));
    return w;
  }

  // Allocates, and if that fails the process ends: an item is not dropped.
  void put_back(T&& item, std::uint64_t number) noexcept {
    receive_wait* to_tell = nullptr;
    {
      const std::lock_guard lock(mutex_);
      to_tell = next(receivers_);
      if (to_tell != nullptr) {
        to_tell->deliver(std::move(item), number);
      } else {
        returned_.emplace(number, std::move(item));
      }
    }
    if (to_tell != nullptr) to_tell->tell();
  }

  mutable std::mutex mutex_;
  std::vector<std::optional<T>> slots_;  // a ring
  std::size_t head_ = 0;
  std::size_t size_ = 0;
  std::uint64_t taken_ = 0;              // how many have been
  std::map<std::uint64_t, T> returned_;  // before all others
  detail::wait_list<send_wait> senders_;
  detail::wait_list<receive_wait> receivers_;
  bool closed_ = false;
};

}  // namespace wring
