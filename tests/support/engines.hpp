// SPDX-License-Identifier: MIT
#pragma once

#include <cstdlib>
#include <optional>
#include <string>
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

/// While it lives WRING_ENGINE is not set: a test chooses its engines.
class no_chosen_engine {
 public:
  no_chosen_engine() {
    if (const char* const set = std::getenv("WRING_ENGINE")) found_ = set;
    ::unsetenv("WRING_ENGINE");
  }
  no_chosen_engine(const no_chosen_engine&) = delete;
  no_chosen_engine& operator=(const no_chosen_engine&) = delete;
  ~no_chosen_engine() {
    if (found_) ::setenv("WRING_ENGINE", found_->c_str(), 1);
  }

 private:
  std::optional<std::string> found_;
};

}  // namespace wring::tests
