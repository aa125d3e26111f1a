// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string_view>

#include <wring/protocols/framing/frame_format.hpp>

namespace wring::framing {

/// Netstrings: "5:hello,". Strict: the length has digits alone, and no zero in front.
class WRING_API netstring_format final : public frame_format {
 public:
  static constexpr std::size_t default_limit = 99'999;

  /// `limit`: the longest string that is received. Throws std::invalid_argument for 0.
  explicit netstring_format(std::size_t limit = default_limit);

  [[nodiscard]] result<std::optional<frame_extent>> find(std::span<const std::byte> unread) noexcept override;
  [[nodiscard]] frame_edges edges(std::string_view payload) const override;
  [[nodiscard]] std::size_t limit() const noexcept override { return limit_; }

 private:
  std::size_t limit_;
};

}  // namespace wring::framing
