// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <wring/core/detail/export.hpp>

/// System calls on files and directories that may block, for threads of `thread_pool::files()`: what no engine has an
/// operation for. Numbers that they return are values, or -errno. Any thread.
namespace wring::detail {

/// What the system says of a file, as statx(2) does.
struct file_facts {
  unsigned mode = 0;  ///< S_IF* and the permissions
  std::uint64_t size = 0;
  std::int64_t modified = 0;  ///< nanoseconds since 1970
  std::uint64_t device = 0;
  std::uint64_t number = 0;
  std::uint64_t links = 0;
  unsigned owner = 0;
  unsigned group = 0;
};

/// Where a path begins, and what it must not leave.
struct file_place {
  int directory;          ///< a descriptor, or AT_FDCWD
  bool beneath = false;   ///< every step stays below the directory: openat2(2) with RESOLVE_BENEATH
  bool no_links = false;  ///< no symbolic link is followed
};

struct opened_file {
  int fd = -1;  ///< close-on-exec, or -errno
  file_facts facts = {};
};

/// Opens a file; `flags` are O_*. Does not wait for the other end of a FIFO.
[[nodiscard]] WRING_API opened_file open_file(const file_place& at, const std::string& path, int flags,
                                              unsigned mode) noexcept;
[[nodiscard]] WRING_API int file_facts_of(int fd, file_facts& into) noexcept;
[[nodiscard]] WRING_API int file_facts_of(const file_place& at, const std::string& path, file_facts& into) noexcept;
[[nodiscard]] WRING_API int truncate_file(int fd, std::uint64_t size) noexcept;
/// Closes a descriptor for its errors: data that could not be written may be reported here.
[[nodiscard]] WRING_API int close_file(int fd) noexcept;

/// A new file without a name in a directory; where the file system has none such, one with a name that nobody else has,
/// which is stored in `name`.
[[nodiscard]] WRING_API int open_unnamed_file(const std::string& directory, unsigned mode, std::string& name);
/// Gives that file its name: on the disk first, if `sync`; in place of what has the name, if `replace`. `name` is empty
/// afterwards if the file had one.
[[nodiscard]] WRING_API int name_file(int fd, std::string& name, const std::string& path, bool replace, bool sync);

/// rename(2), unlink(2), rmdir(2), mkdir(2). `sync`: the directories are on the disk when it returns.
[[nodiscard]] WRING_API int rename_file(const std::string& from, const std::string& to, bool sync);
[[nodiscard]] WRING_API int remove_file(const std::string& path) noexcept;
[[nodiscard]] WRING_API int remove_directory(const std::string& path) noexcept;
[[nodiscard]] WRING_API int make_directory(const std::string& path, unsigned mode) noexcept;

struct listed_file {
  std::string name;
  unsigned mode = 0;  ///< S_IF*; 0 where the file system does not say
};
/// What is in a directory, without "." and "..", unordered. -E2BIG: more than `most`.
[[nodiscard]] WRING_API int list_files(const file_place& at, const std::string& path, std::size_t most,
                                       std::vector<listed_file>& into);

}  // namespace wring::detail
