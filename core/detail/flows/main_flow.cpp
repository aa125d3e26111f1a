// SPDX-License-Identifier: MIT
#include <wring/core/detail/flows/main_flow.hpp>

namespace wring::detail {

main_flow::~main_flow() = default;

}  // namespace wring::detail
