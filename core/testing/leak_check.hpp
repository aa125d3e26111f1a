// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <wring/core/detail/export.hpp>

namespace wring::testing {

/// Compares what is held at two moments: open descriptors of the process; coroutine frames and other blocks of the
/// thread's frame recycler; and of the thread's scheduler, if it has one both times, armed timers, leased receive
/// buffers and blocks, operations in flight and tasks that have not ended.
///
///     wring::testing::leak_check leaks;
///     ... the work ...
///     REQUIRE(leaks.check() == "");
///
/// Descriptors are told apart by number and what they refer to, so other threads must not open any meanwhile.
class WRING_API leak_check {
 public:
  /// Takes the first look. Throws std::filesystem::filesystem_error where /proc cannot be read.
  leak_check();

  /// What is held now and was not at the first look, in words: "1 descriptor: 7 (socket:[4711]); 2 frames"; empty if
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
  using descriptors = std::vector<std::pair<int, std::string>>;  // with what they refer to, ordered

  static counts count() noexcept;
  static descriptors open_descriptors();

  descriptors descriptors_;
  counts before_;
};

}  // namespace wring::testing
