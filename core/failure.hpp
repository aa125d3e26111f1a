// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <exception>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

#include <wring/core/detail/export.hpp>

namespace wring {

class failure;

namespace detail {

/// What a failure can be made from implicitly: the standard's exceptions and those derived from them.
template <class E>
concept exception_object = std::derived_from<std::remove_cvref_t<E>, std::exception>;

}  // namespace detail

/// An exception as a value: what errbacks take, and what a callback may return in place of throwing.
///
///     d.add_errback([](wring::failure f) -> int {
///       f.trap<wring::timeout_error>();   // any other exception goes on
///       return 0;
///     });
///
/// Never empty, but for one that was moved from. Copies share the exception object. Any thread.
class WRING_API failure {
 public:
  /// Throws std::invalid_argument for null.
  explicit failure(std::exception_ptr exception) : exception_(std::move(exception)) {
    if (exception_ == nullptr) throw std::invalid_argument("a failure needs an exception");
  }

  /// Holds a copy of `exception`.
  template <detail::exception_object E>
  failure(E&& exception) : exception_(std::make_exception_ptr(std::forward<E>(exception))) {}

  /// The exception being handled. Throws no_current_exception outside of a catch clause.
  [[nodiscard]] static failure current();

  /// The exception as the first of `E...` that a catch clause would take it for, or null. Valid while a failure or
  /// exception_ptr refers to it.
  template <class E>
  [[nodiscard]] const E* get_if() const noexcept {
    try {
      raise();
    } catch (const E& e) {
      return &e;
    } catch (...) {
      return nullptr;
    }
  }

  /// Whether the exception is one of `E...`, or derived from one.
  template <class... E>
  [[nodiscard]] bool check() const noexcept {
    return (... || (get_if<E>() != nullptr));
  }

  /// Throws the exception unless it is one of `E...`.
  template <class... E>
  const failure& trap() const {
    if (!check<E...>()) raise();
    return *this;
  }

  /// Throws the exception, as itself.
  [[noreturn]] void raise() const { std::rethrow_exception(exception_); }

  /// The text of a std::exception; the name of its type for others.
  [[nodiscard]] std::string message() const;

  /// The name of the exception's type: "wring::timeout_error".
  [[nodiscard]] std::string type_name() const;

  [[nodiscard]] const std::exception_ptr& exception() const noexcept { return exception_; }

 private:
  std::exception_ptr exception_;
};

}  // namespace wring
