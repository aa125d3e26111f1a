// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <span>
#include <string_view>
#include <utility>

#include <wring/core/block_pool.hpp>
#include <wring/core/buffer_lease.hpp>

namespace wring::http::detail {

inline constexpr std::size_t most_digits = 20;

/// Writes a number of at most so many digits. Returns its end.
[[nodiscard]] inline char* put_number(char* at, std::uint64_t number) noexcept {
  char digits[most_digits];
  char* first = digits + sizeof digits;
  do {
    *--first = static_cast<char>('0' + number % 10);
    number /= 10;
  } while (number != 0);
  while (first != digits + sizeof digits) *at++ = *first++;
  return at;
}

/// Writes text. Returns its end.
[[nodiscard]] inline char* put(char* at, std::string_view text) noexcept {
  if (!text.empty()) std::memcpy(at, text.data(), text.size());
  return at + text.size();
}

/// What follows text is copied behind it if both have at most so many bytes: to send them from two places costs more.
inline constexpr std::size_t worth_joining = std::size_t{16} * 1024;

/// What is to be sent: text in a block of the pool, which there is only while there is text.
class output {
 public:
  explicit output(block_pool& pool) noexcept : pool_(pool) {}

  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return {block_.data(), size_}; }

  /// Throws what block_pool::acquire throws.
  void append(std::string_view text) {
    if (block_.size() - size_ < text.size()) [[unlikely]]
      grow(text.size());
    if (!text.empty()) std::memcpy(block_.data() + size_, text.data(), text.size());
    size_ += text.size();
  }
  /// Room for `most` bytes, behind what there is; `wrote` tells where they end. Throws what block_pool::acquire throws.
  [[nodiscard]] char* room(std::size_t most) {
    if (block_.size() - size_ < most) [[unlikely]]
      grow(most);
    return reinterpret_cast<char*>(block_.data()) + size_;
  }
  void wrote(const char* end) noexcept {
    size_ = static_cast<std::size_t>(end - reinterpret_cast<const char*>(block_.data()));
  }
  /// All or, throwing what block_pool::acquire throws, nothing of these `total` bytes.
  void append(std::span<const std::span<const std::byte>> parts, std::size_t total) {
    char* at = room(total);
    for (const auto& part : parts) at = put(at, {reinterpret_cast<const char*>(part.data()), part.size()});
    wrote(at);
  }
  void append_number(std::uint64_t number) { wrote(put_number(room(most_digits), number)); }
  void clear() noexcept {
    size_ = 0;
    block_.reset();
  }
  /// The first `count` bytes are not to be sent any more.
  void sent(std::size_t count) noexcept {
    if (count == size_) return clear();
    if (count == 0) return;
    size_ -= count;
    std::memmove(block_.data(), block_.data() + count, size_);
  }
  /// The block with the text, and nothing is left.
  [[nodiscard]] buffer_lease take() noexcept {
    block_.truncate(std::exchange(size_, 0));
    return std::exchange(block_, buffer_lease());
  }

 private:
  static constexpr std::size_t first_block = std::size_t{4} * 1024;

  void grow(std::size_t more) {
    buffer_lease larger = pool_.acquire(std::max({size_ + more, 2 * block_.size(), first_block}));
    if (size_ != 0) std::memcpy(larger.data(), block_.data(), size_);
    block_ = std::move(larger);
  }

  block_pool& pool_;
  buffer_lease block_;
  std::size_t size_ = 0;
};

}  // namespace wring::http::detail
