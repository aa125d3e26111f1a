// SPDX-License-Identifier: MIT
#pragma once

#include <stdexcept>

#include <wring/core/detail/export.hpp>

namespace wring {

/// Thrown when a delayed call that has been made is to be cancelled or moved.
class WRING_API call_already_made : public std::logic_error {
 public:
  explicit call_already_made(const char* what);
  call_already_made(const call_already_made&) noexcept = default;
  call_already_made& operator=(const call_already_made&) noexcept = default;
  ~call_already_made() override;
};

/// Thrown when a delayed call is to be cancelled or moved that has been cancelled, or whose scheduler has been
/// destroyed.
class WRING_API call_already_cancelled : public std::logic_error {
 public:
  explicit call_already_cancelled(const char* what);
  call_already_cancelled(const call_already_cancelled&) noexcept = default;
  call_already_cancelled& operator=(const call_already_cancelled&) noexcept = default;
  ~call_already_cancelled() override;
};

}  // namespace wring
