// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <type_traits>
#include <utility>

#include <wring/core/detail/export.hpp>
#include <wring/core/task.hpp>
#include <wring/net/files/file.hpp>

namespace wring::net {

/// How `temporary_file::keep` names a file.
struct keep_options {
  bool replace = true;  ///< false: it is an error (EEXIST) if there is one of this name
  /// The content, and then the name, are on the disk when it returns: after a crash there is either the old file or the
  /// whole new one.
  bool sync = true;
};
static_assert(std::is_trivially_destructible_v<keep_options>);

/// A file that nobody else sees until it is complete: it has no name (on most file systems not even a hidden one), and
/// vanishes when it is destroyed, or the process ends, before `keep` has given it one. So readers of the name see the
/// old content or all of the new one:
///
///     net::temporary_file next = co_await net::create_temporary_file("/srv/data");
///     co_await net::copy(request_body, next.content());
///     co_await next.keep("/srv/data/report.csv");
///
/// Movable. As `file` otherwise.
class WRING_API temporary_file {
 public:
  temporary_file(temporary_file&& other) noexcept
      : file_(std::move(other.file_)), name_(std::exchange(other.name_, {})) {}
  /// Swaps.
  temporary_file& operator=(temporary_file&& other) noexcept {
    std::swap(file_, other.file_);
    name_.swap(other.name_);
    return *this;
  }
  ~temporary_file();

  /// Open to be read and written, at position 0 at first.
  [[nodiscard]] file& content() noexcept { return file_; }

  /// Names it `path`, which must be on the same file system. It stays open, and is an ordinary file from then on. A job
  /// of `thread_pool::files()`, which is waited for when it is cancelled. Throws io_error with the path: EEXIST, EXDEV,
  /// or what the system says; it may be called again then.
  [[nodiscard]] task<> keep(std::string path, keep_options options = {});

 private:
  friend WRING_API task<temporary_file> create_temporary_file(std::string directory, unsigned mode);
  temporary_file(file f, std::string name) noexcept : file_(std::move(f)), name_(std::move(name)) {}

  file file_;
  std::string name_;  // of what is to be removed; empty: nothing
};

/// Makes a temporary file on the file system of `directory`. Its permissions are `mode` without the umask's. Throws
/// io_error with the directory.
[[nodiscard]] WRING_API task<temporary_file> create_temporary_file(std::string directory, unsigned mode = 0666);

}  // namespace wring::net
