// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string>

#include <wring/core/detail/export.hpp>
#include <wring/protocols/http/access_record.hpp>

namespace wring::http::detail {

/// No line is longer: texts are cut.
inline constexpr std::size_t longest_access_line = std::size_t{16} * 1024;

/// Appends the line, with its end. Throws std::bad_alloc.
WRING_API void append_access_line(std::string& to, const access_record& r, access_log_format format);

}  // namespace wring::http::detail
