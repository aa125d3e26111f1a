// SPDX-License-Identifier: MIT
#pragma once

#include <stdexcept>

#include <wring/core/detail/export.hpp>

namespace wring::sim {

/// A run of a world cannot go on. what() says why, with the world's time and seed.
class WRING_API run_failed : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
  run_failed(const run_failed&) noexcept = default;
  run_failed& operator=(const run_failed&) noexcept = default;
  ~run_failed() override;
};

/// Tasks wait, and nothing can happen any more. what() holds the dump of the tasks of all hosts.
class WRING_API deadlock : public run_failed {
 public:
  using run_failed::run_failed;
  deadlock(const deadlock&) noexcept = default;
  deadlock& operator=(const deadlock&) noexcept = default;
  ~deadlock() override;
};

/// Two runs with the same seed differ. what() holds the first event that does.
class WRING_API not_deterministic : public run_failed {
 public:
  using run_failed::run_failed;
  not_deterministic(const not_deterministic&) noexcept = default;
  not_deterministic& operator=(const not_deterministic&) noexcept = default;
  ~not_deterministic() override;
};

}  // namespace wring::sim
