// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include <wring/net/datagram.hpp>

namespace wring::net::detail {

/// Datagrams in the order in which they came: a ring that grows to the most there have been, so that nothing is
/// allocated for each.
class datagram_queue {
 public:
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

  /// Throws std::bad_alloc; then it is unchanged, and so is `d`.
  void push_back(datagram&& d) {
    if (size_ == room_) [[unlikely]]
      make_room();
    ring_[at(size_++)] = std::move(d);
  }
  void push_front(datagram&& d) {
    if (size_ == room_) [[unlikely]]
      make_room();
    first_ = at(room_ - 1);
    ring_[first_] = std::move(d);
    ++size_;
  }
  /// Moves the first, which there must be, to `into`.
  void pop(datagram& into) noexcept {
    into = std::move(ring_[first_]);
    first_ = at(1);
    --size_;
  }
  void clear() noexcept {
    ring_.clear();
    room_ = first_ = size_ = 0;
  }

 private:
  static constexpr std::size_t least = 8;

  [[nodiscard]] std::size_t at(std::size_t index) const noexcept { return (first_ + index) & (room_ - 1); }
  [[gnu::noinline]] void make_room() {
    std::vector<datagram> larger(room_ == 0 ? least : 2 * room_);
    for (std::size_t i = 0; i != size_; ++i) larger[i] = std::move(ring_[at(i)]);
    ring_ = std::move(larger);
    room_ = ring_.size();
    first_ = 0;
  }

  std::vector<datagram> ring_;
  std::size_t room_ = 0;  // the ring's size, a power of two, which a vector would have to compute
  std::size_t first_ = 0;
  std::size_t size_ = 0;
};

}  // namespace wring::net::detail
