// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

namespace wring::http {

/// What happens to a handler whose client disconnects before it has the answer.
enum class disconnect : std::uint8_t {
  cancel,  ///< it is cancelled
  finish,  ///< it goes on, and what it writes is dropped
};

}  // namespace wring::http
