// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <exception>
#include <source_location>
#include <string>

#include <wring/core/detail/export.hpp>

namespace wring::detail {

/// The frames an exception came through, innermost first, up to a limit.
struct exception_trace {
  static constexpr std::size_t limit = 32;

  const void* exception = nullptr;  ///< identifies the exception object; never dereferenced
  std::array<std::source_location, limit> frames;
  std::size_t count = 0;    ///< of `frames`
  std::size_t omitted = 0;  ///< that came after the limit
};

/// One line a frame: "  in task fetch (client.cpp:12)".
WRING_API std::string to_string(const exception_trace& trace);

/// The address of the exception object, as an identity.
WRING_API const void* identity(const std::exception_ptr& e) noexcept;

/// "boom" of a std::exception, or the type's name.
WRING_API std::string describe(const std::exception_ptr& e);

/// The name of a function without its return type, parameters and template arguments: "net::serve".
WRING_API std::string short_function_name(const char* pretty);

}  // namespace wring::detail
