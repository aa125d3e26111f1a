// SPDX-License-Identifier: MIT
#pragma once

#include <source_location>
#include <stdexcept>
#include <system_error>

#include <wring/core/detail/export.hpp>

namespace wring {

/// What a deferred fails with when it is cancelled and has no other outcome. Its code is std::errc::operation_canceled.
class WRING_API cancelled_error : public std::system_error {
 public:
  cancelled_error();
  cancelled_error(const cancelled_error&) noexcept = default;
  cancelled_error& operator=(const cancelled_error&) noexcept = default;
  ~cancelled_error() override;
};

/// What a deferred fails with when its source is destroyed without having fired it. Its code is errc::closed.
class WRING_API broken_deferred : public std::system_error {
 public:
  broken_deferred();
  broken_deferred(const broken_deferred&) noexcept = default;
  broken_deferred& operator=(const broken_deferred&) noexcept = default;
  ~broken_deferred() override;
};

/// A deferred was fired a second time. The text says where it was fired first.
class WRING_API already_called : public std::logic_error {
 public:
  explicit already_called(const std::source_location& first);
  already_called(const already_called&) noexcept = default;
  already_called& operator=(const already_called&) noexcept = default;
  ~already_called() override;

  /// Where the deferred was fired, or cancelled, first.
  [[nodiscard]] const std::source_location& first() const noexcept { return first_; }

 private:
  std::source_location first_;
};

/// `failure::current()` or `errback()` was called while no exception is being handled.
class WRING_API no_current_exception : public std::logic_error {
 public:
  no_current_exception();
  no_current_exception(const no_current_exception&) noexcept = default;
  no_current_exception& operator=(const no_current_exception&) noexcept = default;
  ~no_current_exception() override;
};

}  // namespace wring
