// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>

#include <wring/core/detail/export.hpp>

/// inotify(7). Numbers that are returned are values, or -errno.
namespace wring::detail {

/// Close-on-exec, with O_NONBLOCK; read(2) gives inotify_events.
[[nodiscard]] WRING_API int open_watcher() noexcept;
/// Watches a path for `events` (IN_*): the watch's number. May block while the path is looked up.
[[nodiscard]] WRING_API int add_watch(int fd, const std::string& path, std::uint32_t events) noexcept;
[[nodiscard]] WRING_API int remove_watch(int fd, int number) noexcept;

}  // namespace wring::detail
