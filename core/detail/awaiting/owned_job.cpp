// SPDX-License-Identifier: MIT
#include <new>

#include <wring/core/detail/awaiting/owned_job.hpp>

namespace wring::detail {

owned_job::owned_job(call_fn to_run) noexcept
    : awaited_job(to_run, [](pool_job& j) noexcept {
        auto& self = static_cast<owned_job&>(j);
        if (self.stage_.exchange(stage::left_by_one) == stage::shared) {
          self.announce();
        } else {
          delete &self;
        }
      }) {}

owned_job::~owned_job() = default;

const context_node* owned_job::carry_fields(const context_node* innermost) noexcept {
  try {
    fields_.copy_from(innermost);
  } catch (const std::bad_alloc&) {
  }
  return fields_.innermost();
}

}  // namespace wring::detail
