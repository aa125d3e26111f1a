// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

#include <wring/core/detail/export.hpp>

namespace wring::http {

/// The media type of a file by the extension of its name, from a table that is part of the library, so that an answer
/// does not depend on what is installed. Texts are taken to be in UTF-8. "application/octet-stream" for an extension
/// that is not in it, or none.
[[nodiscard]] WRING_API std::string_view media_type_of(std::string_view path) noexcept;

/// Whether compressing a body of this type is worth it: texts and the like, but no event streams, whose events must not
/// wait, and nothing that is compressed by itself.
[[nodiscard]] WRING_API bool is_compressible(std::string_view type) noexcept;

}  // namespace wring::http
