// SPDX-License-Identifier: MIT
#include <stdexcept>

#include <wring/net/callback/process_transport.hpp>

namespace wring::net {

process_transport::~process_transport() = default;

void process_transport::write_to_child(int child_fd, std::span<const std::byte> data) {
  if (child_fd != 0) throw std::invalid_argument("of a process's descriptors, 0 alone can be written to");
  write(data);
}

void process_transport::close_child(int child_fd) {
  if (child_fd < 0 || child_fd > 2) throw std::invalid_argument("of a process's descriptors, 0 to 2 can be closed");
  child_fd == 0 ? close_stdin() : child_fd == 1 ? close_stdout() : close_stderr();
}

void process_transport::lose_connection() {
  for (const int fd : {0, 2, 1}) close_child(fd);
}

}  // namespace wring::net
