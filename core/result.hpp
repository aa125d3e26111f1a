// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <type_traits>
#include <utility>

#include <wring/core/detail/lifetime.hpp>
#include <wring/core/error.hpp>

namespace wring {

template <class T = void>
class result;

namespace detail {

/// Ends the process: the value of a result that holds an error was used unchecked, or the error of one that holds a
/// value.
[[noreturn]] WRING_API void result_misused(bool has_value) noexcept;

template <class T>
inline constexpr bool is_result = false;
template <class T>
inline constexpr bool is_result<result<T>> = true;

}  // namespace detail

/// The outcome of an operation whose failures are values: a `T`, or an `error`. Holds both in place, allocates nothing.
/// `T` is an object type (move-only will do) or void.
///
///     if (auto got = co_await stream.read(buffer).result()) use(*got); else log::warn("read failed", ...);
template <class T>
class [[nodiscard]] result {
  static_assert(std::is_object_v<T> && !std::is_const_v<T> && !std::same_as<T, wring::error>);
  static_assert(!detail::is_result<T>, "results do not nest");

 public:
  using value_type = T;

  /// A value-initialised T.
  constexpr result() noexcept(std::is_nothrow_default_constructible_v<T>)
    requires std::default_initializable<T>
      : value_(), has_value_(true) {}

  /// The value made from `value`.
  template <class U = T>
    requires(!std::same_as<std::remove_cvref_t<U>, result>) && (!std::same_as<std::remove_cvref_t<U>, wring::error>) &&
                (!std::same_as<std::remove_cvref_t<U>, std::in_place_t>) && std::constructible_from<T, U>
  constexpr explicit(!std::convertible_to<U, T>) result(U&& value) noexcept(std::is_nothrow_constructible_v<T, U>)
      : value_(std::forward<U>(value)), has_value_(true) {}

  /// The value made from `args`.
  template <class... Args>
    requires std::constructible_from<T, Args...>
  constexpr explicit result(std::in_place_t, Args&&... args) noexcept(std::is_nothrow_constructible_v<T, Args...>)
      : value_(std::forward<Args>(args)...), has_value_(true) {}

  /// A failure.
  constexpr result(const wring::error& e) noexcept : error_(e), has_value_(false) {}

  constexpr result(const result&)
    requires std::is_trivially_copy_constructible_v<T>
  = default;
  constexpr result(const result& other) noexcept(std::is_nothrow_copy_constructible_v<T>)
    requires std::copy_constructible<T> && (!std::is_trivially_copy_constructible_v<T>)
      : has_value_(other.has_value_) {
    construct(other);
  }

  constexpr result(result&&)
    requires std::is_trivially_move_constructible_v<T>
  = default;
  constexpr result(result&& other) noexcept(std::is_nothrow_move_constructible_v<T>)
    requires(!std::is_trivially_move_constructible_v<T>)
      : has_value_(other.has_value_) {
    construct(std::move(other));
  }

  constexpr result& operator=(const result&)
    requires std::is_trivially_copyable_v<T>
  = default;
  constexpr result& operator=(const result& other)
    requires std::copyable<T> && (!std::is_trivially_copyable_v<T>)
  {
    return *this = result(other);
  }

  constexpr result& operator=(result&&)
    requires std::is_trivially_copyable_v<T>
  = default;
  /// T's move constructor must not throw: an assignment then always leaves one of the two.
  constexpr result& operator=(result&& other) noexcept
    requires std::is_nothrow_move_constructible_v<T> && (!std::is_trivially_copyable_v<T>)
  {
    if (this != &other) {
      if (has_value_) std::destroy_at(std::addressof(value_));
      has_value_ = other.has_value_;
      construct(std::move(other));
    }
    return *this;
  }

  constexpr ~result()
    requires std::is_trivially_destructible_v<T>
  = default;
  constexpr ~result()
    requires(!std::is_trivially_destructible_v<T>)
  {
    if (has_value_) std::destroy_at(std::addressof(value_));
  }

  [[nodiscard]] constexpr bool has_value() const noexcept { return has_value_; }
  constexpr explicit operator bool() const noexcept { return has_value_; }

  /// The value. Throws the error if there is none, as error::raise() does.
  [[nodiscard]] constexpr T& value() & { return check(), value_; }
  [[nodiscard]] constexpr const T& value() const& { return check(), value_; }
  [[nodiscard]] constexpr T&& value() && { return check(), std::move(value_); }

  /// The value, moved out. Throws the error if there is none, as error::raise() does.
  [[nodiscard]] constexpr T take() { return check(), std::move(value_); }

  /// The value; there must be one (checked builds end the process).
  [[nodiscard]] constexpr T& operator*() & noexcept { return expect(true), value_; }
  [[nodiscard]] constexpr const T& operator*() const& noexcept { return expect(true), value_; }
  [[nodiscard]] constexpr T&& operator*() && noexcept { return expect(true), std::move(value_); }
  [[nodiscard]] constexpr T* operator->() noexcept { return expect(true), std::addressof(value_); }
  [[nodiscard]] constexpr const T* operator->() const noexcept { return expect(true), std::addressof(value_); }

  /// The error; there must be one (checked builds end the process).
  [[nodiscard]] constexpr const wring::error& error() const noexcept { return expect(false), error_; }

  /// The value, or `fallback`.
  template <class U>
  [[nodiscard]] constexpr T value_or(U&& fallback) const& {
    return has_value_ ? value_ : static_cast<T>(std::forward<U>(fallback));
  }
  template <class U>
  [[nodiscard]] constexpr T value_or(U&& fallback) && {
    return has_value_ ? std::move(value_) : static_cast<T>(std::forward<U>(fallback));
  }

 private:
  template <class Other>
  constexpr void construct(Other&& other) {
    if (has_value_) {
      std::construct_at(std::addressof(value_), std::forward<Other>(other).value_);
    } else {
      std::construct_at(std::addressof(error_), other.error_);
    }
  }

  constexpr void check() const {
    if (!has_value_) [[unlikely]]
      error_.raise();
  }

  constexpr void expect([[maybe_unused]] bool value) const noexcept {
#if WRING_CHECKS
    if (has_value_ != value) [[unlikely]]
      detail::result_misused(has_value_);
#endif
  }

  union {
    T value_;
    wring::error error_;
  };
  bool has_value_;
};

/// The outcome of an operation that returns nothing but may fail.
template <>
class [[nodiscard]] result<void> {
 public:
  using value_type = void;

  /// Success.
  constexpr result() noexcept : nothing_(), has_value_(true) {}

  /// A failure.
  constexpr result(const wring::error& e) noexcept : error_(e), has_value_(false) {}

  [[nodiscard]] constexpr bool has_value() const noexcept { return has_value_; }
  constexpr explicit operator bool() const noexcept { return has_value_; }

  /// Throws the error if there is one, as error::raise() does.
  constexpr void value() const {
    if (!has_value_) [[unlikely]]
      error_.raise();
  }

  /// The same, under the name that generic code uses.
  constexpr void take() const { value(); }

  /// Nothing; there must be no error (checked builds end the process).
  constexpr void operator*() const noexcept { expect(true); }

  /// The error; there must be one (checked builds end the process).
  [[nodiscard]] constexpr const wring::error& error() const noexcept { return expect(false), error_; }

 private:
  constexpr void expect([[maybe_unused]] bool value) const noexcept {
#if WRING_CHECKS
    if (has_value_ != value) [[unlikely]]
      detail::result_misused(has_value_);
#endif
  }

  struct nothing {};
  union {
    nothing nothing_;
    wring::error error_;
  };
  bool has_value_;
};

}  // namespace wring
