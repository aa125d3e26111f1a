// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include <wring/core/buffer_lease.hpp>
#include <wring/core/detail/export.hpp>

namespace wring::net::detail {

/// Bytes that were received and not taken, in the pieces in which they arrived.
class WRING_API receive_queue {
 public:
  receive_queue() noexcept = default;
  receive_queue(const receive_queue&) = delete;
  receive_queue& operator=(const receive_queue&) = delete;
  ~receive_queue() { clear(); }

  [[nodiscard]] bool empty() const noexcept { return first_ == nullptr; }
  [[nodiscard]] std::size_t bytes() const noexcept;
  /// What they count for against a quota: a piece for more than its bytes, so that tiny ones are bounded too.
  [[nodiscard]] std::size_t weight() const noexcept { return weight_; }

  /// Appends a piece. False: there is no memory to keep it.
  [[nodiscard]] bool push(buffer_lease&& chunk) noexcept { return add(std::move(chunk), false); }
  /// The same in front of the others.
  [[nodiscard]] bool put_back(buffer_lease&& chunk) noexcept { return add(std::move(chunk), true); }
  /// The next piece; empty if there is none.
  [[nodiscard]] buffer_lease pop() noexcept;
  /// The next bytes, as many as fit. Zero if there are none.
  [[nodiscard]] std::size_t pop(std::span<std::byte> into) noexcept;
  /// All of them.
  [[nodiscard]] std::vector<std::byte> take_all();
  void clear() noexcept {
    while (!empty()) static_cast<void>(pop());
  }

 private:
  struct node {
    node* next;
    buffer_lease chunk;
  };
  static constexpr std::size_t overhead = 128;

  [[nodiscard]] bool add(buffer_lease&& chunk, bool front) noexcept;

  node* first_ = nullptr;
  node* last_ = nullptr;
  std::size_t weight_ = 0;
};

}  // namespace wring::net::detail
