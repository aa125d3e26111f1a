// SPDX-License-Identifier: MIT
#pragma once

#include <stdexcept>

#include <wring/core/detail/export.hpp>

namespace wring::testing {

/// A failed check of the test kit, thrown so that every test framework reports it. what() holds the whole report.
class WRING_API check_failed : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
  check_failed(const check_failed&) noexcept = default;
  check_failed& operator=(const check_failed&) noexcept = default;
  ~check_failed() override;
};

}  // namespace wring::testing
