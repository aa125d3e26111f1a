// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <utility>

#include <wring/net/datagram.hpp>

namespace wring::net::detail {

/// Datagrams in the order in which they came: a ring that grows to the most there have been, so that nothing is
/// allocated for each. They are made and destroyed in their places, which is cheaper than to assign to empty ones.
class datagram_queue {
 public:
  datagram_queue() noexcept = default;
  datagram_queue(const datagram_queue&) = delete;
  datagram_queue& operator=(const datagram_queue&) = delete;
  ~datagram_queue() { clear(); }

  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

  /// Appends what `make` returns, and returns it in its place. Throws std::bad_alloc; then `make` was not called.
  template <class Make>
  datagram& emplace_back(Make make) {
    if (size_ == room_) [[unlikely]]
      make_room();
    datagram* const place = ::new (static_cast<void*>(ring_[at(size_)].memory)) datagram(make());
    ++size_;
    return *place;
  }
  /// Throws std::bad_alloc; then it is unchanged, and so is `d`.
  void push_front(datagram&& d) {
    if (size_ == room_) [[unlikely]]
      make_room();
    first_ = at(room_ - 1);
    ::new (static_cast<void*>(ring_[first_].memory)) datagram(std::move(d));
    ++size_;
  }
  /// Makes the first, which there must be, at `into`, where none is.
  void pop_to(datagram* into) noexcept {
    datagram& first = of(ring_[first_]);
    ::new (static_cast<void*>(into)) datagram(std::move(first));
    first.~datagram();
    first_ = at(1);
    --size_;
  }
  /// Destroys all, and frees the memory.
  void clear() noexcept {
    for (std::size_t i = 0; i != size_; ++i) of(ring_[at(i)]).~datagram();
    ring_.reset();
    room_ = first_ = size_ = 0;
  }

 private:
  static constexpr std::size_t least = 8;

  struct slot {
    alignas(datagram) std::byte memory[sizeof(datagram)];
  };

  [[nodiscard]] static datagram& of(slot& s) noexcept { return *std::launder(reinterpret_cast<datagram*>(s.memory)); }
  [[nodiscard]] std::size_t at(std::size_t index) const noexcept { return (first_ + index) & (room_ - 1); }
  [[gnu::noinline]] void make_room() {
    const std::size_t room = room_ == 0 ? least : 2 * room_;
    std::unique_ptr<slot[]> larger(new slot[room]);
    for (std::size_t i = 0; i != size_; ++i) {
      datagram& each = of(ring_[at(i)]);
      ::new (static_cast<void*>(larger[i].memory)) datagram(std::move(each));
      each.~datagram();
    }
    ring_ = std::move(larger);
    room_ = room;
    first_ = 0;
  }

  std::unique_ptr<slot[]> ring_;
  std::size_t room_ = 0;  // a power of two
  std::size_t first_ = 0;
  std::size_t size_ = 0;
};

}  // namespace wring::net::detail
