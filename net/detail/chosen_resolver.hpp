// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

#include <wring/core/detail/export.hpp>
#include <wring/core/detail/scheduling/scheduler_service.hpp>

namespace wring::net {
class resolver;
}

namespace wring::net::detail {

/// The resolvers with which the tasks of a scheduler look up names.
class WRING_API chosen_resolver final : public wring::detail::scheduler_service {
 public:
  static constexpr char key = 0;

  explicit chosen_resolver(scheduler&) noexcept {}

  /// What was passed to `use_resolver`.
  resolver* by_program = nullptr;
  /// The resolver of a simulated world, where there is no system: a system_resolver asks it instead.
  resolver* of_world = nullptr;

 private:
  [[nodiscard]] bool deliver(std::size_t) noexcept override { return false; }
  [[nodiscard]] bool drop() noexcept override { return false; }
  void close() noexcept override {}
};

}  // namespace wring::net::detail
