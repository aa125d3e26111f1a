// SPDX-License-Identifier: MIT
#pragma once

#include <cerrno>
#include <concepts>
#include <new>
#include <utility>

#include <wring/core/detail/awaiting/operand.hpp>
#include <wring/core/error.hpp>

namespace wring::net::detail {

/// An operation whose value, a connection or what becomes one, is given as a `To`, which is made by moving it in. If
/// there is no memory for that, it has failed with ENOMEM, and the connection is closed.
template <class To, class Operation>
class [[nodiscard]] converted_operation {
  using from_type = typename Operation::value_type;

 public:
  using value_type = To;

  /// `make()` returns the operation.
  template <class Make>
  explicit converted_operation(Make make) : operation_(make()) {}
  converted_operation(const converted_operation&) = delete;
  converted_operation& operator=(const converted_operation&) = delete;

  [[nodiscard]] auto result() && noexcept { return wring::detail::as_result<converted_operation>(*this); }

  bool begin_await(wring::detail::flow& f) { return operation_.begin_await(f); }
  To take() { return convert(operation_.take()).take(); }
  wring::result<To> take_result() {
    auto taken = operation_.take_result();
    if (!taken) return taken.error();
    return convert(std::move(*taken));
  }
  void put_back(To& value) noexcept
    requires requires(Operation& op, from_type& from) { op.put_back(from); }
  {
    if constexpr (std::same_as<To, from_type>) {
      operation_.put_back(value);
    } else if (from_type* const from = value.template target<from_type>(); from != nullptr) {
      operation_.put_back(*from);
    }
  }

 private:
  static wring::result<To> convert(from_type&& value) {
    try {
      return To(std::move(value));
    } catch (const std::bad_alloc&) {
      return error::from_errno(ENOMEM, "take on a connection from").with_address(peer_of(value));
    }
  }
  static error_address peer_of(const from_type& value) noexcept {
    if constexpr (requires { error_address(value.peer_address()); }) {
      return value.peer_address();
    } else {
      return {};
    }
  }

  Operation operation_;
};

}  // namespace wring::net::detail
