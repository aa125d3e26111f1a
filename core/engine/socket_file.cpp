// SPDX-License-Identifier: MIT
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <wring/core/engine/socket_file.hpp>

namespace wring::detail {

namespace {

struct closing {
  int fd;
  explicit closing(int owned) noexcept : fd(owned) {}
  closing(const closing&) = delete;
  closing& operator=(const closing&) = delete;
  ~closing() {
    const int saved = errno;
    if (fd >= 0) ::close(fd);
    errno = saved;
  }
};

/// The folder of a path, opened; negative if it cannot be.
int open_folder_of(const char* path) noexcept {
  std::array<char, sizeof(::sockaddr_un)> folder{};
  const char* const slash = std::strrchr(path, '/');
  if (slash == nullptr) {
    folder[0] = '.';
  } else {
    std::memcpy(folder.data(), path, static_cast<std::size_t>(slash - path) + (slash == path ? 1 : 0));
  }
  return ::open(folder.data(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/// Whether nobody serves the socket at `address`: 1, or 0 for somebody, or -errno.
int is_stale(int fd, const ::sockaddr& address, std::uint32_t size, const char* path) noexcept {
  struct ::stat found{};
  if (::lstat(path, &found) != 0) return errno == ENOENT ? 0 : -errno;
  if (!S_ISSOCK(found.st_mode)) return -ENOTSOCK;
  int type = 0;
  ::socklen_t type_size = sizeof type;
  if (::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_size) != 0) return -errno;
  const closing probe(::socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (probe.fd < 0) return -errno;
  return ::connect(probe.fd, &address, size) != 0 && errno == ECONNREFUSED ? 1 : 0;
}

}  // namespace

int bind_file_in_kernel(int fd, const ::sockaddr& address, std::uint32_t size, const socket_file_options& options,
                        socket_file& made) noexcept {
  const char* const path = reinterpret_cast<const ::sockaddr_un&>(address).sun_path;
  // One that is bound and does not listen yet looks as if nobody served it. So from here until it listens it is alone
  // in its folder. One that may not read the folder goes without.
  const closing folder(options.replace_stale ? open_folder_of(path) : -1);
  if (folder.fd >= 0 && ::flock(folder.fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) return -EAGAIN;
  // The file has no more permissions than this from its first moment on, and after chmod no fewer.
  if (options.mode) static_cast<void>(::fchmod(fd, *options.mode));
  int r = ::bind(fd, &address, size);
  if (r != 0 && errno == EADDRINUSE && options.replace_stale) {
    const int stale = is_stale(fd, address, size, path);
    if (stale < 0) return stale;
    if (stale == 1 && ::unlink(path) != 0 && errno != ENOENT) return -errno;
    r = ::bind(fd, &address, size);
  }
  if (r != 0) return -errno;
  struct ::stat file{};
  if (::lstat(path, &file) == 0) made = {.device = file.st_dev, .number = file.st_ino};
  r = options.mode ? ::chmod(path, *options.mode) : 0;
  if (r == 0 && options.backlog >= 0) r = ::listen(fd, options.backlog);
  if (r == 0) return 0;
  const int failed = errno;
  remove_file_in_kernel(path, made);
  return -failed;
}

void remove_file_in_kernel(const char* path, const socket_file& file) noexcept {
  struct ::stat found{};
  if (file.number == 0 || ::lstat(path, &found) != 0) return;
  if (found.st_dev == file.device && found.st_ino == file.number) ::unlink(path);
}

}  // namespace wring::detail
