// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>

#include <wring/core/detail/export.hpp>
#include <wring/core/error.hpp>
#include <wring/core/task.hpp>
#include <wring/net/released_connection.hpp>

namespace wring::net::detail {

/// The release() of what cannot be released: fails with EOPNOTSUPP and `reason`, which must never be freed.
[[nodiscard]] WRING_API task<released_connection> refused_release(error_address peer, const char* reason);

/// The release() of the stream or pending connection `object`.
template <class T>
[[nodiscard]] task<released_connection> release_if_possible(T& object) {
  if constexpr (requires {
                  { object.release() } -> std::same_as<task<released_connection>>;
                }) {
    return object.release();
  } else {
    return refused_release({}, "it has no release()");
  }
}

}  // namespace wring::net::detail
