// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>

namespace wring::net {

/// What a path or descriptor refers to.
enum class file_kind : std::uint8_t {
  unknown,  ///< in a directory's list alone: the file system does not say
  regular,
  directory,
  symbolic_link,
  fifo,
  socket,
  character_device,
  block_device,
};

/// What the system says of a file, stat(2).
struct file_status {
  file_kind kind = file_kind::unknown;
  unsigned permissions = 0;  ///< the lower twelve bits of the mode
  std::uint64_t size = 0;    ///< bytes
  std::chrono::system_clock::time_point modified = {};
  std::uint64_t device = 0;  ///< with `number`: which file it is, as long as it exists
  std::uint64_t number = 0;
  std::uint64_t links = 0;
  unsigned owner = 0;
  unsigned group = 0;
};

}  // namespace wring::net
