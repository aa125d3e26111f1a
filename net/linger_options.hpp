// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>
#include <type_traits>

#include <wring/core/duration.hpp>

namespace wring::net {

/// How long a connection may linger, whichever comes first.
struct linger_options {
  std::uint64_t bytes = std::uint64_t{16} * 1024 * 1024;  ///< what the peer may still send; it is dropped
  duration idle = std::chrono::seconds(5);                ///< how long it may send nothing
  duration time = std::chrono::seconds(30);               ///< how long it may take altogether
};
static_assert(std::is_trivially_destructible_v<linger_options>);

}  // namespace wring::net
