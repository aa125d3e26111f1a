// SPDX-License-Identifier: MIT
#include <cstdio>
#include <cstdlib>

#include <wring/core/result.hpp>

void wring::detail::result_misused(bool has_value) noexcept {
  std::fputs(has_value
                 ? "wring: error() of a result that holds a value\n"
                 : "wring: operator* or -> of a result that holds an error: ask has_value() first, or use value()\n",
             stderr);
  std::abort();
}
