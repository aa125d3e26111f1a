// SPDX-License-Identifier: MIT
#pragma once

#include <stdexcept>

#include <wring/core/detail/export.hpp>

namespace wring::testing {

/// What the test kit found: thrown, so that every test framework reports it. what() says all there is to know.
class WRING_API failure : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
  failure(const failure&) noexcept = default;
  failure& operator=(const failure&) noexcept = default;
  ~failure() override;
};

}  // namespace wring::testing
