// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

#include <wring/core/detail/export.hpp>
#include <wring/core/detail/scheduling/scheduler_service.hpp>

namespace wring::net {
class resolver;
}

namespace wring::net::detail {

/// Which resolvers the tasks of a scheduler look up names with.
class WRING_API chosen_resolver final : public wring::detail::scheduler_service {
 public:
  static constexpr char key = 0;

  explicit chosen_resolver(scheduler&) noexcept {}

  /// What `use_resolver` was given.
  resolver* by_program = nullptr;
  /// That of a simulated world, where there is no system to be asked: a system_resolver asks it instead.
  resolver* of_world = nullptr;

 private:
  [[nodiscard]] bool deliver(std::size_t) noexcept override { return false; }
  [[nodiscard]] bool drop() noexcept override { return false; }
  void close() noexcept override {}
};

}  // namespace wring::net::detail
