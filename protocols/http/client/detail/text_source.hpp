// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include <wring/core/buffer_lease.hpp>
#include <wring/core/task.hpp>

namespace wring::http::detail {

/// A `net::byte_source` of text, which must outlive what is read of it. Nothing is copied.
class text_source {
 public:
  explicit text_source(std::string_view text) noexcept : left_(text) {}

  [[nodiscard]] task<buffer_lease> read_some() {
    constexpr std::size_t most = std::size_t{64} * 1024;
    const std::string_view piece = left_.substr(0, most);
    left_.remove_prefix(piece.size());
    if (piece.empty()) co_return buffer_lease();
    // Who is lent these bytes only reads them.
    auto* const bytes = const_cast<std::byte*>(reinterpret_cast<const std::byte*>(piece.data()));
    co_return buffer_lease(bytes, piece.size(), [](void*, std::uint32_t) noexcept {}, nullptr);
  }

 private:
  std::string_view left_;
};

}  // namespace wring::http::detail
