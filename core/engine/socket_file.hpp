// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>

#include <wring/core/detail/export.hpp>

struct sockaddr;

namespace wring {

/// Which file a Unix socket has made; another one may have its path later.
struct socket_file {
  std::uint64_t device = 0;
  std::uint64_t number = 0;  ///< 0: none
};

/// How a Unix socket gets its file.
struct socket_file_options {
  std::optional<unsigned> mode;  ///< permissions; none: those that the process's umask leaves
  bool replace_stale = true;     ///< a file of a socket that nobody serves any more is removed first
  int backlog = -1;              ///< of a socket that is to listen; negative: it does not
};

namespace detail {

/// For engines on the kernel: see engine::bind_file and remove_file.
[[nodiscard]] WRING_API int bind_file_in_kernel(int fd, const ::sockaddr& address, std::uint32_t size,
                                                const socket_file_options& options, socket_file& made) noexcept;
WRING_API void remove_file_in_kernel(const char* path, const socket_file& file) noexcept;

}  // namespace detail

}  // namespace wring
