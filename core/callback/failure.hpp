// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <exception>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <wring/core/callback/detail/captured_stack.hpp>
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
///       f.trap<wring::timeout_error>();   // any other exception is thrown on
///       return 0;
///     });
///
/// Never empty, unless it was moved from. Copies share the exception object. Any thread.
///
/// With `capture_stacks(true)`, each holds the stack of where it was made, and keeps it on its way through deferreds.
class WRING_API failure {
 public:
  /// Throws std::invalid_argument for null.
  explicit failure(std::exception_ptr exception) : failure(detail::fault_of(std::move(exception))) {
    if (fault_.exception == nullptr) throw std::invalid_argument("a failure needs an exception");
  }

  /// Holds a copy of `exception`.
  template <detail::exception_object E>
  failure(E&& exception)
      : failure(detail::fault{std::make_exception_ptr(std::forward<E>(exception)), detail::captured_stack::here()}) {}

  /// For the library: a failure that was on its way already.
  explicit failure(detail::fault f) noexcept : fault_(std::move(f)) {}

  /// The exception being handled. Throws no_current_exception outside of a catch clause.
  [[nodiscard]] static failure current();

  /// The exception as the first of `E...` that a catch clause would catch it as, or null. Valid while a failure or
  /// exception_ptr refers to it.
  template <class E>
  [[nodiscard]] const E* get_if() const noexcept {
    try {
      std::rethrow_exception(fault_.exception);
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

  /// Throws the exception, with its own type.
  [[noreturn]] void raise() const { detail::rethrow(fault_); }

  /// The text of a std::exception; the name of its type for others.
  [[nodiscard]] std::string message() const;

  /// The name of the exception's type: "wring::timeout_error".
  [[nodiscard]] std::string type_name() const;

  [[nodiscard]] const std::exception_ptr& exception() const noexcept { return fault_.exception; }

  /// Sets whether failures capture the stack, which costs some microseconds and an allocation each. Off by default. For
  /// the whole process; any thread.
  static void capture_stacks(bool on) noexcept { detail::captured_stack::enable(on); }
  [[nodiscard]] static bool captures_stacks() noexcept { return detail::captured_stack::enabled(); }

  /// The calls that were under way where this failure, or the one that it is a copy of, was made; one line each, the
  /// innermost first, of 64 frames at most: "client::answer (client.cpp:12)". Empty unless stacks were captured then.
  /// For an exception that was thrown, it is the stack of the catch, by the program or by the chain that called the
  /// callback: that of the throw has been unwound by then. But what trap() or raise() throws, or what is thrown in a
  /// task that awaits a deferred, keeps its stack, unless another such exception is thrown in this thread before it is
  /// caught. Looking up the names takes milliseconds and memory.
  [[nodiscard]] std::vector<std::string> stack() const { return fault_.stack.lines(); }

  /// For printing: "type: message", then a line for each of stack(). If the exception is a std::nested_exception, the
  /// nested exceptions follow in the same form, without a stack. Each line ends with a newline.
  [[nodiscard]] std::string traceback() const;

  /// For the library.
  [[nodiscard]] const detail::fault& fault() const noexcept { return fault_; }

 private:
  detail::fault fault_;
};

}  // namespace wring
