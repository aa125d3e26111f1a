// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include <wring/core/detail/export.hpp>
#include <wring/core/error.hpp>

namespace wring::net::detail {

/// How many faults a text names; the others are counted.
inline constexpr std::size_t most_faults_named = 8;

/// "192.0.2.1:80: Connection refused (errno 111); ...": what went wrong with which peer, without the operation.
[[nodiscard]] WRING_API std::string list_faults(std::span<const error> faults);

/// Reports that every attempt has failed: a single fault as it is, otherwise the first with a text that names all; none
/// as EDESTADDRREQ.
[[noreturn]] WRING_API void raise_attempts_failed(std::span<const error> faults);

/// The first of several faults, as an error that says that there are others.
[[nodiscard]] WRING_API error first_of_faults(std::span<const error> faults) noexcept;

}  // namespace wring::net::detail
