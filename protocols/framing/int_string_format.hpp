// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include <wring/protocols/framing/frame_format.hpp>

namespace wring::framing {

/// The bytes of a length.
enum class int_width : std::uint8_t { int8 = 1, int16 = 2, int32 = 4 };

/// Strings behind their length, which is a number of 1, 2 or 4 bytes, the most significant first.
class WRING_API int_string_format final : public frame_format {
 public:
  static constexpr std::size_t default_limit = 99'999;

  /// `limit`: the longest string that is received, if a length of that width can be larger. Throws
  /// std::invalid_argument for 0.
  explicit int_string_format(int_width width, std::size_t limit = default_limit);

  [[nodiscard]] result<std::optional<frame_extent>> find(std::span<const std::byte> unread) noexcept override;
  /// Throws std::length_error for a string whose length does not fit.
  [[nodiscard]] frame_edges edges(std::string_view payload) const override;
  [[nodiscard]] std::size_t limit() const noexcept override { return limit_; }
  /// The length in front of `unread`, of which there are enough bytes for it.
  [[nodiscard]] std::size_t announced(std::span<const std::byte> unread) const noexcept;
  /// The longest string that can be sent.
  [[nodiscard]] std::size_t longest() const noexcept { return (std::size_t{1} << 8 * width_) - 1; }

 private:
  std::size_t width_;
  std::size_t limit_;
};

}  // namespace wring::framing
