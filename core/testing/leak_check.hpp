// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>

#include <wring/core/detail/export.hpp>
#include <wring/core/engine/engine.hpp>

namespace wring::testing {

/// Compares what is held at two moments: open descriptors; coroutine frames and other blocks of the thread's frame
/// recycler; and, if the thread has a scheduler at both, its armed timers, leased receive buffers and blocks,
/// operations in flight and tasks that have not ended.
///
///     wring::testing::leak_check leaks;
///     ... the work ...
///     REQUIRE(leaks.check() == "");
///
/// Descriptors are distinguished by number and by what they refer to, so other threads must not open any meanwhile.
/// They are the process's or, on an engine without a kernel, those of the engine of the thread's scheduler; then they
/// are compared only if the scheduler is the same at both moments.
class WRING_API leak_check {
 public:
  /// Records the first moment. Throws as engine::open_descriptors does: std::filesystem::filesystem_error where /proc
  /// cannot be read.
  leak_check();

  /// What is held now and was not at the first moment, in words: "1 descriptor: 7 (socket:[4711]); 2 frames"; empty if
  /// nothing has leaked.
  [[nodiscard]] std::string check() const;

 private:
  struct counts {
    std::int64_t frames = 0;
    std::int64_t timers = 0;
    std::int64_t buffers = 0;
    std::int64_t blocks = 0;
    std::int64_t operations = 0;
    std::int64_t tasks = 0;
    const void* scheduler = nullptr;  // null if there is none
  };

  static counts count() noexcept;
  static engine::descriptors open_descriptors();

  engine::descriptors descriptors_;
  counts before_;
};

}  // namespace wring::testing
