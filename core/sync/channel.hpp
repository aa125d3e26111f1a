// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include <wring/core/detail/awaiting/operand.hpp>
#include <wring/core/detail/awaiting/wait_list.hpp>
#include <wring/core/detail/destroyed_in_use.hpp>
#include <wring/core/detail/gcc12.hpp>
#include <wring/core/detail/scheduling/home.hpp>
#include <wring/core/error.hpp>
#include <wring/core/result.hpp>

namespace wring {

/// Limits of a channel that is also bounded by weight.
struct channel_limits {
  std::size_t items = 1024;                       ///< memory for them is allocated once
  std::size_t weight = std::size_t{1024} * 1024;  ///< of all items together, in the unit of their weight
};
static_assert(std::is_trivially_destructible_v<channel_limits>);

/// Stands for the weight in a channel that is bounded by the number of items alone.
struct unweighted {};

/// The weight of items that are ranges, strings for instance: the bytes of their elements.
struct weight_in_bytes {
  template <class Range>
  [[nodiscard]] std::size_t operator()(const Range& item) const noexcept {
    return std::size(item) * sizeof(*std::data(item));
  }
};

/// A bounded queue between tasks, with any number of senders and receivers.
///
///     wring::channel<job> jobs(64);
///     co_await jobs.send(next);                          // waits while it is full
///     while (auto j = co_await jobs.receive()) work(*j); // until it is closed and empty
///
/// Items are received in the order they were sent; senders and receivers are served in order of arrival, and an item is
/// handed to a waiting receiver directly, so that no other task can take it in between. With a capacity of 0 nothing is
/// stored: a send ends when its item has been handed to a receiver. One thread: for threads there is `scheduler::post`.
/// Memory for `capacity` items is allocated once; sending, receiving and waiting allocate nothing. Destroying a channel
/// that tasks wait for ends the process with a message; items left in it are destroyed.
///
/// With a `Weight`, a function object that returns the weight of an item, it is also full when the next item would
/// exceed the limit of weight:
///
///     wring::channel<std::string, wring::weight_in_bytes> lines({.items = 1000, .weight = 65536});
///
/// An item that is heavier than the limit by itself is let in alone, when nothing else is stored. Light items do not
/// overtake a heavy one that waits for room. An item's weight must not change while it is in the channel.
template <class T, class Weight = unweighted>
class channel {
  static constexpr bool weighted = !std::is_same_v<Weight, unweighted>;
  static_assert(std::is_object_v<T> && !std::is_const_v<T> && std::is_nothrow_move_constructible_v<T>,
                "channel<T>: T is an object type whose move constructor is noexcept");

 public:
  explicit channel(std::size_t capacity)
    requires(!weighted)
      : slots_(capacity) {}
  explicit channel(const channel_limits& limits, Weight weight = {})
    requires(weighted && std::is_nothrow_invocable_r_v<std::size_t, const Weight&, const T&>)
      : slots_(limits.items), most_weight_(limits.weight), weigh_(std::move(weight)) {}
  channel(const channel&) = delete;
  channel& operator=(const channel&) = delete;
  ~channel() {
    if (!senders_.empty() || !receivers_.empty()) [[unlikely]]
      detail::destroyed_in_use("a channel");
  }

  /// Sends `item`; waits while the channel is full. Throws io_error with errc::channel_closed if the channel is closed,
  /// now or while this waits: then nothing was sent. Delivering; cancelled while it waits, it has sent nothing.
  template <class U = T>
    requires std::constructible_from<T, U>
  [[nodiscard]] auto send(U&& item) noexcept(std::is_nothrow_constructible_v<T, U>) {
    static_assert(detail::safe_temporary<U>,
                  "g++ before 13 destroys aggregates twice that are temporaries in a co_await expression: use "
                  "emplace(members...) or emplace(std::move(named)), or give the type a constructor");
    return send_wait(*this, std::forward<U>(item));
  }

  /// As send, with an item made from `args`.
  template <class... Args>
    requires std::constructible_from<T, Args...>
  [[nodiscard]] auto emplace(Args&&... args) noexcept(std::is_nothrow_constructible_v<T, Args...>) {
    return send_wait(*this, std::forward<Args>(args)...);
  }

  /// Sends `item` if that does not require waiting. False if the channel is full or closed; `item` is unchanged then.
  template <class U = T>
    requires std::constructible_from<T, U> && (!weighted || std::same_as<std::remove_cvref_t<U>, T>)
  [[nodiscard]] bool try_send(U&& item) noexcept(std::is_nothrow_constructible_v<T, U>) {
    home_.use("a channel");
    if (closed_ || (receivers_.empty() && size_ == slots_.size())) return false;
    if constexpr (weighted) {
      if (!senders_.empty() || !fits(item)) return false;
    }
    if constexpr (std::same_as<U, T>) {
      put(std::move(item));
    } else {
      put(T(std::forward<U>(item)));
    }
    return true;
  }

  /// Waits for an item. Empty if the channel is closed and everything sent before has been received. Returning:
  /// cancelled, it has taken nothing. An item that was handed over before the cancellation came is delivered, and the
  /// task's next await is cancelled. An item that a when_all or when_any has received and does not deliver is put back
  /// before all that were sent after it: handed to a waiting receiver, or stored in the channel, even if that is full
  /// by then.
  [[nodiscard]] auto receive() noexcept { return receive_wait(*this); }

  /// Takes the next item if there is one.
  [[nodiscard]] std::optional<T> try_receive() noexcept {
    std::optional<T> item;
    std::uint64_t number = 0;
    take(item, number);
    return item;
  }

  /// Ends sending: items in the channel can still be received; after them, receive() returns nothing. Waiting sends
  /// fail. May be called from either side, any number of times.
  void close() noexcept {
    home_.use("a channel");
    closed_ = true;
    while (send_wait* w = senders_.pop()) w->end();
    while (receive_wait* w = receivers_.pop()) w->end();
  }
  [[nodiscard]] bool closed() const noexcept { return closed_; }

  /// Items stored, not counting those of waiting sends. May exceed the capacity after a cancelled when_all or when_any
  /// has put items back.
  [[nodiscard]] std::size_t size() const noexcept { return size_ + returned_.size(); }
  [[nodiscard]] bool empty() const noexcept { return size() == 0; }
  [[nodiscard]] std::size_t capacity() const noexcept { return slots_.size(); }
  /// The weight of the stored items together.
  [[nodiscard]] std::size_t weight() const noexcept
    requires(weighted)
  {
    return weight_;
  }

 private:
  class send_wait : public detail::listed_wait<send_wait> {
   public:
    template <class... Args>
    explicit send_wait(channel& c, Args&&... args) : channel_(c), item_(std::forward<Args>(args)...) {}

    bool ready() noexcept {
      if (!channel_.closed_) sent_ = channel_.try_send(std::move(item_));
      return sent_ || channel_.closed_;
    }
    void suspend() noexcept { channel_.senders_.push(*this); }
    void cancel() noexcept override {
      detail::listed_wait<send_wait>::cancel();
      if constexpr (weighted) channel_.admit();  // the next may be lighter
    }
    void take() { take_result().value(); }
    wring::result<> take_result() noexcept {
      if (sent_) return {};
      return error(errc::channel_closed, "send to a channel");
    }
    /// The same, with a closed channel as a value.
    [[nodiscard]] auto result() && noexcept { return detail::as_result<send_wait>(*this); }
    wait_description describe() const noexcept override { return {.operation = "send to a channel"}; }

    [[nodiscard]] const T& item() const noexcept { return item_; }
    T&& hand_over() noexcept {
      sent_ = true;
      this->complete();
      return std::move(item_);
    }
    void end() noexcept { this->complete(); }

   private:
    channel& channel_;
    T item_;
    bool sent_ = false;
  };

  class receive_wait : public detail::listed_wait<receive_wait, std::optional<T>> {
   public:
    explicit receive_wait(channel& c) noexcept : channel_(c) {}

    bool ready() noexcept { return channel_.take(item_, number_) || channel_.closed_; }
    void suspend() noexcept { channel_.receivers_.push(*this); }
    std::optional<T> take() noexcept { return std::move(item_); }
    wring::result<std::optional<T>> take_result() noexcept { return std::move(item_); }
    void put_back(std::optional<T>& item) noexcept {
      if (item) channel_.put_back(std::move(*item), number_);
    }
    [[nodiscard]] auto result() && noexcept { return detail::as_result<receive_wait>(*this); }
    wait_description describe() const noexcept override { return {.operation = "receive from a channel"}; }

    void deliver(T&& item, std::uint64_t number) noexcept {
      item_.emplace(std::move(item));
      number_ = number;
      this->complete();
    }
    void end() noexcept { this->complete(); }

   private:
    channel& channel_;
    std::optional<T> item_;
    std::uint64_t number_ = 0;
  };

  // Invariants: receivers wait only while nothing is stored and no sender waits; senders wait only while it is full, or
  // the item of the first of them is too heavy for the room that is left. Items are numbered as they are taken, so that
  // those put back are in order, whichever receiver returns one first.

  /// Whether the weight of one more item is within the limit.
  [[nodiscard]] bool fits(const T& item) const noexcept {
    return empty() || (weight_ <= most_weight_ && weigh_(item) <= most_weight_ - weight_);
  }

  void put(T&& item) noexcept {
    if (receive_wait* w = receivers_.pop()) {
      w->deliver(std::move(item), taken_++);
    } else {
      if constexpr (weighted) weight_ += weigh_(item);
      slots_[(head_ + size_) % slots_.size()].emplace(std::move(item));
      ++size_;
    }
  }

  bool take(std::optional<T>& out, std::uint64_t& number) noexcept {
    home_.use("a channel");
    if (!returned_.empty()) [[unlikely]] {
      const auto first = returned_.begin();
      number = first->first;
      remove(first->second, out);
      returned_.erase(first);
      if constexpr (weighted) admit();
      return true;
    }
    number = taken_;
    if (size_ != 0) {
      std::optional<T>& slot = slots_[head_];
      remove(*slot, out);
      slot.reset();
      head_ = (head_ + 1) % slots_.size();
      --size_;
      admit();
    } else if (send_wait* w = senders_.pop()) {
      out.emplace(w->hand_over());
    }
    taken_ += static_cast<std::uint64_t>(out.has_value());
    return out.has_value();
  }

  void remove(T& stored, std::optional<T>& out) noexcept {
    if constexpr (weighted) weight_ -= weigh_(stored);
    out.emplace(std::move(stored));
  }

  /// Takes the items of waiting senders for which there is room now.
  void admit() noexcept {
    if constexpr (weighted) {
      while (!senders_.empty() && size_ != slots_.size() && fits(senders_.front()->item())) {
        put(senders_.pop()->hand_over());
      }
    } else if (send_wait* w = senders_.pop()) {
      put(w->hand_over());
    }
  }

  // Allocates, and if that fails the process ends: an item is not dropped.
  void put_back(T&& item, std::uint64_t number) noexcept {
    if (receive_wait* w = receivers_.pop()) {
      w->deliver(std::move(item), number);
    } else {
      if constexpr (weighted) weight_ += weigh_(item);
      returned_.emplace(number, std::move(item));
    }
  }

  std::vector<std::optional<T>> slots_;  // a ring
  std::size_t most_weight_ = 0;
  std::size_t weight_ = 0;  // of what is stored
  [[no_unique_address]] Weight weigh_;
  std::size_t head_ = 0;
  std::size_t size_ = 0;
  std::uint64_t taken_ = 0;              // how many have been
  std::map<std::uint64_t, T> returned_;  // before all others
  detail::wait_list<send_wait> senders_;
  detail::wait_list<receive_wait> receivers_;
  detail::home home_;
  bool closed_ = false;
};

}  // namespace wring
