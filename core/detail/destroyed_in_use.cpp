// SPDX-License-Identifier: MIT
#include <cstdio>
#include <cstdlib>

#include <wring/core/detail/destroyed_in_use.hpp>

namespace wring::detail {

void destroyed_in_use(const char* object) noexcept {
  std::fprintf(stderr, "wring: %s was destroyed while tasks wait for it or hold it; it must outlive them\n", object);
  std::abort();
}

}  // namespace wring::detail
