// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

namespace wring::sim::detail {

/// Bytes in order.
class byte_queue {
 public:
  [[nodiscard]] std::size_t size() const noexcept { return bytes_.size() - taken_; }
  [[nodiscard]] bool empty() const noexcept { return size() == 0; }

  void push(std::string_view bytes) { bytes_.append(bytes); }
  /// Copies from the front; the number of bytes.
  std::size_t peek(std::span<std::byte> into) const noexcept {
    const std::size_t count = std::min(into.size(), size());
    if (count != 0) std::memcpy(into.data(), bytes_.data() + taken_, count);
    return count;
  }
  void drop(std::size_t count) {
    taken_ += count;
    if (taken_ == bytes_.size()) {
      clear();
    } else if (taken_ > bytes_.size() / 2) {
      bytes_.erase(0, taken_);
      taken_ = 0;
    }
  }
  [[nodiscard]] std::string take(std::size_t count) {
    std::string front = bytes_.substr(taken_, count);
    drop(front.size());
    return front;
  }
  void clear() noexcept {
    bytes_.clear();
    taken_ = 0;
  }

 private:
  std::string bytes_;
  std::size_t taken_ = 0;
};

}  // namespace wring::sim::detail
