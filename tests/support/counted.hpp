// SPDX-License-Identifier: MIT
#pragma once

#include <catch2/catch_test_macros.hpp>

namespace wring::tests {

/// Something that owns: counts how many there are. Moved-from ones count too, as they are destroyed too.
class counted {
 public:
  explicit counted(int v = 0) noexcept : value(v) { ++live_; }
  counted(const counted& other) noexcept : value(other.value) { ++live_; }
  counted(counted&& other) noexcept : value(other.value) { ++live_; }
  counted& operator=(const counted&) noexcept = default;
  counted& operator=(counted&&) noexcept = default;
  ~counted() { --live_; }

  [[nodiscard]] static int live() noexcept { return live_; }

  int value;

 private:
  static inline int live_ = 0;
};

/// Requires that as many were destroyed as were made.
class balance {
 public:
  balance() noexcept : before_(counted::live()) {}
  balance(const balance&) = delete;
  balance& operator=(const balance&) = delete;
  ~balance() { CHECK(counted::live() == before_); }

 private:
  int before_;
};

}  // namespace wring::tests
