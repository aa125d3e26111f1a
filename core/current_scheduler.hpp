// SPDX-License-Identifier: MIT
#pragma once

#include <wring/core/detail/export.hpp>

namespace wring {

class scheduler;

/// While this exists, `s` is the thread's current scheduler (null: the thread has none); its destructor restores the
/// previous one. For programs that let several schedulers take turns on one thread:
///
///     std::unique_ptr<scheduler> made;
///     {
///       const current_scheduler none(nullptr);  // a scheduler can be made only where there is none
///       made = std::make_unique<scheduler>();
///     }
///     {
///       const current_scheduler here(made.get());  // what belongs to it may be used here, and it may be destroyed
///       made->step();
///     }
///
/// Objects of this class must nest, on the thread that made the schedulers.
class WRING_API current_scheduler {
 public:
  explicit current_scheduler(scheduler* s) noexcept;
  current_scheduler(const current_scheduler&) = delete;
  current_scheduler& operator=(const current_scheduler&) = delete;
  ~current_scheduler();

 private:
  scheduler* before_;
};

}  // namespace wring
