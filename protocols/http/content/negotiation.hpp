// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

#include <wring/core/detail/export.hpp>
#include <wring/protocols/http/fields.hpp>

/// What of several representations a client likes best (RFC 9110, section 12.5). Each function is given the request's
/// fields and what there is, the server's favourite first, and returns the index of the one to send; none if the client
/// refuses all. Of equally liked ones it is the first. A client that says nothing likes everything, and elements that
/// are malformed are not there. Whatever depends on it must be answered with `Vary`.
namespace wring::http {

/// By Accept: media types such as "text/html", whose most specific range counts. Parameters of a range but its weight
/// are compared too, so `text/html;level=1` is another type than `text/html`.
[[nodiscard]] WRING_API std::optional<std::size_t> choose_type(const fields& headers,
                                                               std::span<const std::string_view> offers) noexcept;

/// By Accept-Language: tags such as "de-CH", which the range "de" matches too (RFC 4647, section 3.3.1).
[[nodiscard]] WRING_API std::optional<std::size_t> choose_language(const fields& headers,
                                                                   std::span<const std::string_view> offers) noexcept;

/// By Accept-Encoding: codings such as "gzip". "identity", no coding, is acceptable unless it is refused by name or by
/// "*", also if it is not offered; then the result is the size of `offers`. It is chosen where the client likes it
/// better than all that is offered.
[[nodiscard]] WRING_API std::optional<std::size_t> choose_coding(const fields& headers,
                                                                 std::span<const std::string_view> offers) noexcept;

namespace detail {

/// "0", "0.5", "1.000" as thousandths (section 12.4.2).
[[nodiscard]] WRING_API std::optional<unsigned> parse_weight(std::string_view text) noexcept;

}  // namespace detail

}  // namespace wring::http
