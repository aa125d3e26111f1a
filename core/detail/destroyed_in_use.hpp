// SPDX-License-Identifier: MIT
#pragma once

#include <wring/core/detail/export.hpp>

namespace wring::detail {

/// Ends the process: `object` ("a mutex") is being destroyed although tasks wait for it or hold a part of it, which
/// would go on with what is no longer there.
[[noreturn]] WRING_API void destroyed_in_use(const char* object) noexcept;

}  // namespace wring::detail
