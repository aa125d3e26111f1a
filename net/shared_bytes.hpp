// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

namespace wring::net {

/// Immutable bytes with shared ownership, so that what is sent to many peers is kept once. Copies share them; the last
/// one frees them, in any thread. Moved from, it is empty.
class shared_bytes {
 public:
  shared_bytes() noexcept = default;
  /// A copy of `bytes`. Throws std::bad_alloc.
  explicit shared_bytes(std::span<const std::byte> bytes) : size_(bytes.size()) {
    const auto made = std::make_shared_for_overwrite<std::byte[]>(bytes.size());
    std::ranges::copy(bytes, made.get());
    bytes_ = made;
  }
  explicit shared_bytes(std::string_view text) : shared_bytes(std::as_bytes(std::span(text))) {}

  [[nodiscard]] std::span<const std::byte> bytes() const noexcept {
    return {bytes_.get(), bytes_ != nullptr ? size_ : 0};
  }
  [[nodiscard]] std::size_t size() const noexcept { return bytes().size(); }
  [[nodiscard]] bool empty() const noexcept { return size() == 0; }

 private:
  std::shared_ptr<const std::byte[]> bytes_;
  std::size_t size_ = 0;
};

}  // namespace wring::net
