// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <type_traits>

#include <wring/protocols/framing/frame_format.hpp>

namespace wring::framing {

/// What lines are.
struct line_options {
  std::string_view delimiter = "\r\n";         ///< what ends each; not empty. It is copied
  std::size_t limit = std::size_t{16} * 1024;  ///< bytes that a line may have without its delimiter, at least one
};
static_assert(std::is_trivially_destructible_v<line_options>);

/// Lines: text up to a delimiter, which may be any sequence of bytes.
class WRING_API line_format final : public frame_format {
 public:
  /// Throws std::invalid_argument for an empty delimiter, or a limit of 0.
  explicit line_format(line_options options = {});

  [[nodiscard]] result<std::optional<frame_extent>> find(std::span<const std::byte> unread) noexcept override;
  void restart() noexcept override { seen_ = 0; }
  /// Throws std::invalid_argument for a line that holds the delimiter.
  [[nodiscard]] frame_edges edges(std::string_view payload) const override;
  [[nodiscard]] std::size_t limit() const noexcept override { return limit_; }
  [[nodiscard]] std::string_view delimiter() const noexcept { return delimiter_; }

 private:
  std::string delimiter_;
  std::size_t limit_;
  std::size_t seen_ = 0;  // bytes in which no delimiter begins
};

}  // namespace wring::framing
