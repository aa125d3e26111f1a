// SPDX-License-Identifier: MIT
#include <cerrno>
#include <sys/inotify.h>

#include <wring/core/engine/watch_calls.hpp>

namespace wring::detail {

int open_watcher() noexcept {
  const int fd = ::inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
  return fd >= 0 ? fd : -errno;
}

int add_watch(int fd, const std::string& path, std::uint32_t events) noexcept {
  const int number = ::inotify_add_watch(fd, path.c_str(), events);
  return number >= 0 ? number : -errno;
}

int remove_watch(int fd, int number) noexcept { return ::inotify_rm_watch(fd, number) == 0 ? 0 : -errno; }

}  // namespace wring::detail
