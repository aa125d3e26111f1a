// SPDX-License-Identifier: MIT
#include <wring/core/testing/failure.hpp>

namespace wring::testing {

failure::~failure() = default;

}  // namespace wring::testing
