// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

namespace wring::http::detail {

/// Where a field is in its head.
struct field_entry {
  std::uint32_t name_at;
  std::uint32_t value_at;
  std::uint32_t value_size;
  std::uint16_t name_size;
};

}  // namespace wring::http::detail
