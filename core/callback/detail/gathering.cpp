// SPDX-License-Identifier: MIT
#include <wring/core/callback/detail/gathering.hpp>

namespace wring::detail {

void cancel_all(const std::vector<core_ref>& chains, std::size_t but) noexcept {
  for (std::size_t i = 0; i != chains.size(); ++i) {
    if (i != but) chains[i]->cancel_part(i);
  }
}

}  // namespace wring::detail
