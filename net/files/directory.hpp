// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <wring/core/detail/export.hpp>
#include <wring/core/task.hpp>
#include <wring/net/descriptor.hpp>
#include <wring/net/files/file.hpp>

namespace wring::net {

/// One name in a directory.
struct directory_entry {
  std::string name;
  file_kind kind;  ///< of the name itself: a symbolic link is one
};

struct list_options {
  std::size_t limit = 100'000;  ///< names; a directory with more is an error, errc::limit_exceeded
};
static_assert(std::is_trivially_destructible_v<list_options>);

/// An open directory, below which files are opened whose names come from somebody else, such as a request's path.
/// Nothing outside of it is reached, whatever the name is: not with "..", not with an absolute path, not through a
/// symbolic link, also if other processes rename and link at the same time (openat2(2) with RESOLVE_BENEATH).
///
///     const net::directory root = co_await net::open_directory("/srv/www");
///     net::file page = co_await root.open_file("docs/index.html");
///
/// Movable, and may be used by several tasks at once. One thread. All functions are jobs of `thread_pool::files()`,
/// which are waited for when they are cancelled, and throw io_error with the path that they were given: EXDEV for one
/// that leaves the directory.
class WRING_API directory {
 public:
  /// See `net::open_file`. Symbolic links that stay below the directory are followed, unless the options say otherwise.
  [[nodiscard]] task<file> open_file(std::string path, file_options options = {}) const;
  /// What a path refers to. A symbolic link is followed.
  [[nodiscard]] task<file_status> status(std::string path) const;
  /// The names in a directory below this one, or in this one ("."), unordered, without "." and "..".
  [[nodiscard]] task<std::vector<directory_entry>> list(std::string path = ".", list_options options = {}) const;

  /// As it was opened.
  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  /// Borrowed.
  [[nodiscard]] int native_handle() const noexcept { return fd_.get(); }

 private:
  friend WRING_API task<directory> open_directory(std::string path);
  directory(descriptor fd, std::string path) noexcept : fd_(std::move(fd)), path_(std::move(path)) {}

  descriptor fd_;
  std::string path_;
};

/// Opens a directory.
[[nodiscard]] WRING_API task<directory> open_directory(std::string path);

/// The names in a directory, unordered, without "." and "..". As `directory::list`.
[[nodiscard]] WRING_API task<std::vector<directory_entry>> list_directory(std::string path, list_options options = {});

/// What a path refers to, stat(2): a symbolic link is followed. As the following, a job of `thread_pool::files()`,
/// which is waited for when it is cancelled, and throws io_error with the path.
[[nodiscard]] WRING_API task<file_status> status_of_file(std::string path);

/// Renames a file or directory, in place of what has the new name, rename(2). `sync`: both directories are on the disk
/// when it returns.
[[nodiscard]] WRING_API task<> rename_file(std::string from, std::string to, bool sync = false);

/// Removes a name of a file, unlink(2); not a directory.
[[nodiscard]] WRING_API task<> remove_file(std::string path);

/// Makes a directory, whose permissions are `mode` without the umask's.
[[nodiscard]] WRING_API task<> make_directory(std::string path, unsigned mode = 0777);

/// Removes an empty directory.
[[nodiscard]] WRING_API task<> remove_directory(std::string path);

}  // namespace wring::net
