// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <string>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/engine/engine.hpp>

namespace wring::tests {

/// Owns two descriptors.
struct both_ends {
  std::array<int, 2> fd{-1, -1};
  both_ends() = default;
  both_ends(both_ends&& other) noexcept : fd(std::exchange(other.fd, {-1, -1})) {}
  both_ends& operator=(both_ends&&) = delete;
  ~both_ends() {
    for (const int each : fd) {
      if (each >= 0) ::close(each);
    }
  }
  [[nodiscard]] static both_ends of_socket() {
    both_ends ends;
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.fd.data()) == 0);
    return ends;
  }
};

/// An operation that notes how it goes.
struct noted : operation {
  std::vector<int> results;
  int ended = 0;
  std::string* order = nullptr;
  char name = '?';

  noted(op_code what, int descriptor, void* memory = nullptr, std::size_t size = 0, std::uint32_t options = 0) {
    code = what;
    fd = descriptor;
    data = memory;
    length = static_cast<std::uint32_t>(size);
    flags = options;
    on_completion = [](operation& op, completion c) noexcept {
      auto& self = static_cast<noted&>(op);
      self.results.push_back(c.result);
      if (!c.more()) ++self.ended;
      if (!c.more() && self.order != nullptr) *self.order += self.name;
    };
  }
};

inline void turn_until_idle(engine& e) {
  while (e.in_flight() != 0) e.turn(engine::no_deadline, 256);
}

}  // namespace wring::tests
