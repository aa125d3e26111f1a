// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <memory>

#include <wring/core/detail/export.hpp>
#include <wring/core/detail/flows/scope.hpp>

namespace wring {
class nursery;
}

namespace wring::detail {

/// The nursery of the tasks that have no other, of which its scheduler knows no more than this. Defined with nursery,
/// which knows the scheduler.
class root_nursery {
 public:
  /// Opens it, for the thread's current scheduler, below the scope.
  explicit root_nursery(scope_node& below);
  root_nursery(const root_nursery&) = delete;
  root_nursery& operator=(const root_nursery&) = delete;
  /// None of its children may be left.
  ~root_nursery();

  [[nodiscard]] nursery& get() const noexcept { return *nursery_; }
  [[nodiscard]] bool empty() const noexcept;
  void cancel() noexcept;
  /// From now on starting a child does nothing.
  void refuse_children() noexcept;

 private:
  std::unique_ptr<nursery> nursery_;
};

}  // namespace wring::detail
