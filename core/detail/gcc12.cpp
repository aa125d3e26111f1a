// SPDX-License-Identifier: MIT
#include <cstdio>
#include <cstdlib>

#include <wring/core/detail/gcc12.hpp>

namespace wring::detail {

void end_misplaced(const std::source_location& coroutine) noexcept {
  std::fprintf(
      stderr,
      "wring: %s (%s:%u) would never run: g++ before 13 compiles a coroutine wrongly that has no local variable "
      "and awaits in the condition of an if, a loop or a switch. Give it one: const auto more = co_await ...; "
      "if (more) ...\n",
      coroutine.function_name(), coroutine.file_name(), coroutine.line());
  std::abort();
}

}  // namespace wring::detail
