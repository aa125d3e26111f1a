// SPDX-License-Identifier: MIT
#include <wring/core/testing/check_failed.hpp>

namespace wring::testing {

check_failed::~check_failed() = default;

}  // namespace wring::testing
