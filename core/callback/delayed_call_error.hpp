// SPDX-License-Identifier: MIT
#pragma once

#include <stdexcept>

#include <wring/core/detail/export.hpp>

namespace wring {

/// A delayed call was to be cancelled or moved, but it has been made.
class WRING_API call_already_made : public std::logic_error {
 public:
  explicit call_already_made(const char* what);
  call_already_made(const call_already_made&) noexcept = default;
  call_already_made& operator=(const call_already_made&) noexcept = default;
  ~call_already_made() override;
};

/// A delayed call was to be cancelled or moved, but it has been cancelled, or its scheduler has gone.
class WRING_API call_already_cancelled : public std::logic_error {
 public:
  explicit call_already_cancelled(const char* what);
  call_already_cancelled(const call_already_cancelled&) noexcept = default;
  call_already_cancelled& operator=(const call_already_cancelled&) noexcept = default;
  ~call_already_cancelled() override;
};

}  // namespace wring
