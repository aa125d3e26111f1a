// SPDX-License-Identifier: MIT
#pragma once

#include <type_traits>
#include <variant>

#include <wring/core/result.hpp>

namespace wring::detail {

/// Puts back a value that `op` has ended with and that was not delivered, if `op` is of a kind that can (see leaf);
/// does nothing otherwise. The value may be a result that holds it, and is empty or moved from then.
template <class Op, class Value>
void put_back_into(Op& op, Value& value) noexcept {
  if constexpr (is_result<Value>) {
    if (!value) return;
    if constexpr (std::is_void_v<typename Value::value_type>) {
      std::monostate nothing;
      put_back_into(op, nothing);
    } else {
      put_back_into(op, *value);
    }
  } else if constexpr (requires { op.put_back(value); }) {
    op.put_back(value);
  }
}

/// The same of an adaptor's value that may be none: an optional, or a bool for nothing.
template <class Op, class Maybe>
void put_back_some_into(Op& op, Maybe& value) noexcept {
  if (!value) return;
  if constexpr (std::is_same_v<Maybe, bool>) {
    std::monostate nothing;
    put_back_into(op, nothing);
  } else {
    put_back_into(op, *value);
  }
}

}  // namespace wring::detail
