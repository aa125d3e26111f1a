// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

namespace wring::net {

/// Who is at the other end of a Unix socket, as the kernel knows it: of a stream, the process that connected, or that
/// listened, with the rights it had at that time; of a datagram, the process that sent it. It may have ended since, and
/// its number may be another process's.
struct unix_credentials {
  ::pid_t process;  ///< 0: it is not visible from here, as in another container
  ::uid_t user;
  ::gid_t group;
};

}  // namespace wring::net
