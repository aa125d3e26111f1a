// SPDX-License-Identifier: MIT
#pragma once

#include <optional>

#include <wring/core/callback/failure.hpp>
#include <wring/core/detail/flows/outcome.hpp>

namespace wring {

/// How one deferred of several ended: with a value or a failure.
template <class T>
struct deferred_result {
  std::optional<detail::storable<T>> value;
  std::optional<failure> error;

  [[nodiscard]] bool succeeded() const noexcept { return value.has_value(); }
};

}  // namespace wring
