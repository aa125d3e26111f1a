// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <type_traits>

#include <wring/core/duration.hpp>

namespace wring::sim {

/// How long bytes take from one host to another. What a host sends to itself arrives at once.
struct link_options {
  duration least = std::chrono::microseconds(100);  ///< each takes at least this
  duration more = std::chrono::microseconds(100);   ///< on average, besides; exponentially distributed
};
static_assert(std::is_trivially_destructible_v<link_options>);

}  // namespace wring::sim
