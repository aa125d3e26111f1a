// SPDX-License-Identifier: MIT
#pragma once

#include <type_traits>

namespace wring::net {

/// How `open_file` opens a file: by default one that exists, to be read.
struct file_options {
  bool read = true;
  bool write = false;
  bool append = false;     ///< every write is added at the end, wherever that is by then; implies `write`
  bool create = false;     ///< if there is none, an empty one is made
  bool exclusive = false;  ///< with `create`: it is an error if there is one
  bool truncate = false;   ///< one that exists is emptied
  /// The permissions of a file that is made, from which the process's umask is subtracted.
  unsigned mode = 0666;
  bool follow_links = true;  ///< false: a path with a symbolic link in it is refused (ELOOP)
};
static_assert(std::is_trivially_destructible_v<file_options>);

}  // namespace wring::net
