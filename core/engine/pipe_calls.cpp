// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <fmt/format.h>

#include <wring/core/engine/pipe_calls.hpp>

namespace wring::detail {

namespace {

constexpr std::size_t most_parts = 16;

template <class Call>
std::int32_t value_of(Call call) noexcept {
  for (;;) {
    const auto r = call();
    if (r >= 0) return static_cast<std::int32_t>(r);
    if (errno != EINTR) return -errno;
  }
}

}  // namespace

int open_pipe(std::array<int, 2>& made) noexcept {
  return ::pipe2(made.data(), O_CLOEXEC | O_NONBLOCK) == 0 ? 0 : -errno;
}

opened_pipe open_again(int fd, bool to_write) noexcept {
  struct ::stat status;
  if (::fstat(fd, &status) != 0) return {.fd = -errno};
  const auto mode = status.st_mode;
  if (S_ISFIFO(mode) || S_ISCHR(mode)) {
    // Another description of the same pipe or device. Not possible without /proc, or where the permissions are now
    // those of another user.
    std::array<char, 32> path{};
    fmt::format_to_n(path.data(), path.size() - 1, "/proc/self/fd/{}", fd);
    const int flags = (to_write ? O_WRONLY : O_RDONLY) | O_NONBLOCK | O_CLOEXEC | O_NOCTTY;
    const int opened = value_of([&] { return ::open(path.data(), flags); });
    if (opened >= 0) return {.fd = opened, .access = pipe_access::own};
  }
  const int copy = value_of([&] { return ::fcntl(fd, F_DUPFD_CLOEXEC, 3); });
  if (copy < 0) return {.fd = copy};
  return {.fd = copy,
          .access = S_ISSOCK(mode)                   ? pipe_access::socket
                    : S_ISREG(mode) || S_ISBLK(mode) ? pipe_access::file
                                                     : pipe_access::shared};
}

std::int32_t read_at_once(int fd, pipe_access access, std::span<std::byte> into) noexcept {
  if (access == pipe_access::socket) {
    return value_of([&] { return ::recv(fd, into.data(), into.size(), MSG_DONTWAIT); });
  }
  return value_of([&] { return ::read(fd, into.data(), into.size()); });
}

std::int32_t write_at_once(int fd, pipe_access access, std::span<const std::span<const std::byte>> parts,
                           std::size_t skip) noexcept {
  std::array<::iovec, most_parts> vectors;
  const std::size_t count = std::min(parts.size(), vectors.size());
  for (std::size_t i = 0; i != count; ++i) {
    const auto bytes = parts[i].subspan(i == 0 ? skip : 0);
    vectors[i] = {const_cast<std::byte*>(bytes.data()), bytes.size()};
  }
  if (access == pipe_access::socket) {
    ::msghdr message{};
    message.msg_iov = vectors.data();
    message.msg_iovlen = count;
    return value_of([&] { return ::sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL); });
  }
  return value_of([&] { return ::writev(fd, vectors.data(), static_cast<int>(count)); });
}

void end_output(int fd, pipe_access access) noexcept {
  if (access == pipe_access::socket) ::shutdown(fd, SHUT_WR);
}

}  // namespace wring::detail
