// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string_view>

#include <wring/core/detail/export.hpp>

namespace wring::http {

/// What tells one state of a resource's representation from the others (RFC 9110, section 8.8.3). Refers to the text
/// that it was read from.
struct entity_tag {
  std::string_view opaque;  ///< with its quotation marks
  bool weak = false;        ///< representations that have it may differ in their bytes

  /// The same bytes (section 8.8.3.2): for If-Match and If-Range.
  [[nodiscard]] bool matches_strongly(const entity_tag& other) const noexcept {
    return !weak && !other.weak && opaque == other.opaque;
  }
  /// As good as each other: for If-None-Match.
  [[nodiscard]] bool matches_weakly(const entity_tag& other) const noexcept { return opaque == other.opaque; }
};

/// Reads `"text"` or `W/"text"`. None for anything else.
[[nodiscard]] WRING_API std::optional<entity_tag> parse_entity_tag(std::string_view text) noexcept;

namespace detail {

/// Takes the next tag from a list of them, in which they may contain commas. None at the end, or where the list goes
/// on with something else, which is left in it.
[[nodiscard]] WRING_API std::optional<entity_tag> take_entity_tag(std::string_view& list) noexcept;

}  // namespace detail

}  // namespace wring::http
