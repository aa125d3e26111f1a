// SPDX-License-Identifier: MIT
#pragma once

#include <cstdlib>
#include <string_view>

#include <catch2/catch_test_macros.hpp>

namespace wring::tests {

/// Whether WRING_ENGINE rules io_uring out: then no ring may be opened.
inline bool without_io_uring() noexcept {
  const char* const engine = std::getenv("WRING_ENGINE");
  return engine != nullptr && std::string_view(engine) == "epoll";
}

/// Skips a test of the io_uring engine itself.
inline void needs_io_uring() {
  if (without_io_uring()) SKIP("tests the io_uring engine itself");
}

}  // namespace wring::tests
