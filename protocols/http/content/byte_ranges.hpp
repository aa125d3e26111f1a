// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include <wring/core/detail/export.hpp>

namespace wring::http {

/// Bytes of a representation, both included.
struct byte_range {
  std::uint64_t first;
  std::uint64_t last;

  [[nodiscard]] std::uint64_t size() const noexcept { return last - first + 1; }
  friend bool operator==(const byte_range&, const byte_range&) = default;
};

/// What a Range field asks for of a representation (RFC 9110, section 14.1.2).
class byte_ranges {
 public:
  /// More in a field are too many: all is sent.
  static constexpr std::size_t most = 10;

  enum class outcome : std::uint8_t {
    whole,          ///< answer 200, as without the field: it is malformed, of another unit, or too much
    part,           ///< answer 206 with all()
    unsatisfiable,  ///< answer 416: none of it exists
  };

  /// Reads the value of a Range field, for a representation of `size` bytes. Ranges that overlap or touch become one,
  /// at the place of the first of them.
  [[nodiscard]] WRING_API static byte_ranges parse(std::string_view field, std::uint64_t size) noexcept;

  [[nodiscard]] outcome what() const noexcept { return what_; }
  /// In the order in which they were asked for. Valid as long as the object is.
  [[nodiscard]] std::span<const byte_range> all() const noexcept { return {ranges_.data(), count_}; }

 private:
  void add(byte_range r) noexcept;

  std::array<byte_range, most> ranges_{};
  std::size_t count_ = 0;
  outcome what_ = outcome::whole;
};

}  // namespace wring::http
