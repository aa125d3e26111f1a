// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <wring/core/detail/export.hpp>

namespace wring::detail {

/// A descriptor that a supervisor has passed to this process when it started it.
struct inherited_descriptor {
  int fd;
  std::string name;
  int socket_type;  ///< SOCK_*, or 0: it is no socket
  bool listens;
  std::uint32_t address_size = 0;  ///< of the socket's own address
  alignas(8) std::array<std::byte, 128> address{};
};

/// Takes over what LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES say, if they are meant for this process: sets
/// close-on-exec and removes the variables. So it is empty the second time. Throws std::runtime_error for variables
/// that make no sense.
[[nodiscard]] WRING_API std::vector<inherited_descriptor> take_inherited_descriptors();

}  // namespace wring::detail
