// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>

#include <wring/core/buffer_lease.hpp>
#include <wring/core/detail/export.hpp>
#include <wring/core/task.hpp>
#include <wring/net/files/pipe.hpp>

namespace wring::net {

/// What has happened to a file.
enum class file_change_kind : std::uint8_t {
  modified,    ///< written to, truncated: while it is written, again and again
  written,     ///< closed by somebody who could have written to it
  attributes,  ///< permissions, times, owner, number of names
  created,     ///< in a watched directory
  moved_here,  ///< into a watched directory, or to another name in it
  moved_away,  ///< out of a watched directory, or from a name in it
  removed,     ///< from a watched directory
  gone,        ///< what is watched itself was removed, moved or unmounted: nothing more comes of it
  lost,        ///< more has happened than the system keeps: look at everything again. Without a path
};

struct file_change {
  file_change_kind kind;
  /// The path that was given to `watch`; for something in a directory, with its name behind it.
  std::string path;
  bool directory = false;  ///< it happened to a directory
};

/// Tells what happens to files and in directories, as inotify(7) sees it: on local file systems, whoever does it.
///
///     net::file_watcher changes;
///     co_await changes.watch("/etc/app");
///     for (;;) {
///       const net::file_change change = co_await changes.next();
///       ...
///     }
///
/// A directory is watched without those in it. What is watched is the file, not its name: after `gone`, which a program
/// that replaces the file causes too, watch the name again, or watch the directory.
///
/// Movable. One thread; one task waits at a time.
class WRING_API file_watcher {
 public:
  /// Watches nothing. Throws io_error: EMFILE where the user has as many as `fs.inotify.max_user_instances`.
  file_watcher();

  /// Watches a file or directory from now on. A job of `thread_pool::files()`, which is waited for when it is
  /// cancelled. Throws io_error with the path: ENOSPC beyond `fs.inotify.max_user_watches`.
  [[nodiscard]] task<> watch(std::string path);
  /// Ends it. What has happened before may still be told. False: it is not watched.
  bool forget(const std::string& path);

  /// What has happened next, in order; equal ones in a row are told once. The system keeps 16,384
  /// (`fs.inotify.max_queued_events`), then it is `lost`. Returning, but for a change that was found as the task was
  /// cancelled, which is delivered. Throws io_error; errc::busy if another task waits.
  [[nodiscard]] task<file_change> next();

 private:
  [[nodiscard]] bool take(file_change& into);

  pipe_reader events_;
  buffer_lease pending_;  // events that are not told yet
  std::unordered_map<int, std::string> paths_;
};

}  // namespace wring::net
