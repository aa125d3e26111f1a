// SPDX-License-Identifier: MIT
#pragma once

// Bugs that are planted to prove that simulation finds them: only where Wring is built with -Dplants=enabled, and of
// those the one that the environment variable WRING_PLANT names. In other builds nothing of them is compiled.
#if defined(WRING_PLANTS)

#include <cstdlib>
#include <string_view>

namespace wring::detail {

inline bool planted(std::string_view name) noexcept {
  static const char* const chosen = std::getenv("WRING_PLANT");
  return chosen != nullptr && name == chosen;
}

}  // namespace wring::detail

#define WRING_PLANTED(name) ::wring::detail::planted(name)
#else
#define WRING_PLANTED(name) false
#endif
