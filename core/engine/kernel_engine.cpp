// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cerrno>
#include <charconv>
#include <fcntl.h>
#include <filesystem>
#include <limits>
#include <string>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include <wring/core/engine/attempt.hpp>
#include <wring/core/engine/kernel_engine.hpp>
#include <wring/core/engine/send_file_calls.hpp>
#include <wring/core/error.hpp>

namespace wring::detail {

namespace {

/// The result of a system call, or -errno.
template <class Integer>
std::int32_t outcome_of(Integer result) noexcept {
  return result >= 0 ? static_cast<std::int32_t>(result) : -errno;
}

using address_call = int (*)(int, ::sockaddr*, ::socklen_t*);

int address_from(address_call call, int fd, std::span<std::byte> into) noexcept {
  auto size = static_cast<::socklen_t>(into.size());
  if (call(fd, reinterpret_cast<::sockaddr*>(into.data()), &size) != 0) return -errno;
  return static_cast<int>(size);
}

}  // namespace

kernel_engine::eventfd_owner::eventfd_owner() : fd(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  if (fd < 0) error::from_errno(errno, "make an eventfd").raise();
}

kernel_engine::eventfd_owner::~eventfd_owner() { ::close(fd); }

kernel_engine::kernel_engine(const buffer_pool_options& buffers, bool batches_sends) : engine(buffers, batches_sends) {}

kernel_engine::~kernel_engine() = default;

std::int32_t kernel_engine::attempt_send(int fd, std::span<const std::byte> bytes) noexcept {
  const std::size_t length = std::min<std::size_t>(bytes.size(), std::numeric_limits<std::int32_t>::max());
  return outcome_of(::send(fd, bytes.data(), length, MSG_DONTWAIT | MSG_NOSIGNAL));
}

std::int32_t kernel_engine::attempt_send(int fd, const ::msghdr& message) noexcept {
  if (message.msg_iovlen == 1 && message.msg_controllen == 0) {
    // The kernel has less to copy.
    const ::iovec& part = message.msg_iov[0];
    const std::span<const std::byte> bytes(static_cast<const std::byte*>(part.iov_base), part.iov_len);
    return outcome_of(::sendto(fd, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL | message.msg_flags,
                               static_cast<const ::sockaddr*>(message.msg_name), message.msg_namelen));
  }
  return outcome_of(::sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL | message.msg_flags));
}

std::int32_t kernel_engine::attempt_send_to(int fd, std::span<const std::byte> bytes, const ::sockaddr* to,
                                            std::uint32_t to_size) noexcept {
  return outcome_of(::sendto(fd, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL, to, to_size));
}

std::int32_t kernel_engine::attempt_send_file(int fd, int file, std::uint64_t offset, std::size_t count) noexcept {
  const std::int32_t r = detail::attempt_send_file(fd, file, offset, count);
  return r == must_wait ? -EAGAIN : r;
}

bool kernel_engine::is_cached(int file, std::uint64_t offset, std::size_t count) noexcept {
  return is_cached_in_kernel(file, offset, count);
}

std::int64_t kernel_engine::size_of(int file) noexcept {
  struct ::statx facts;
  const int r = ::statx(file, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_SIZE, &facts);
  return r == 0 ? static_cast<std::int64_t>(facts.stx_size) : -errno;
}

std::int32_t kernel_engine::attempt_accept(int fd) noexcept {
  const std::int32_t r = detail::attempt_accept(fd);
  return r == must_wait ? -EAGAIN : r;
}

int kernel_engine::open_socket(int family, int type, int protocol) noexcept {
  return outcome_of(::socket(family, type | SOCK_CLOEXEC, protocol));
}

int kernel_engine::bind(int fd, const ::sockaddr& address, std::uint32_t size) noexcept {
  return outcome_of(::bind(fd, &address, size));
}

int kernel_engine::listen(int fd, int backlog) noexcept { return outcome_of(::listen(fd, backlog)); }

int kernel_engine::set_option(int fd, int level, int name, std::span<const std::byte> value) noexcept {
  return outcome_of(::setsockopt(fd, level, name, value.data(), static_cast<::socklen_t>(value.size())));
}

int kernel_engine::get_option(int fd, int level, int name, std::span<std::byte> value) noexcept {
  auto size = static_cast<::socklen_t>(value.size());
  if (::getsockopt(fd, level, name, value.data(), &size) != 0) return -errno;
  return static_cast<int>(size);
}

int kernel_engine::local_address(int fd, std::span<std::byte> into) noexcept {
  return address_from(::getsockname, fd, into);
}

int kernel_engine::peer_address(int fd, std::span<std::byte> into) noexcept {
  return address_from(::getpeername, fd, into);
}

int kernel_engine::shut_down_socket(int fd, int how) noexcept { return outcome_of(::shutdown(fd, how)); }

int kernel_engine::open_socket_pair(int type, std::array<int, 2>& made) noexcept {
  return outcome_of(::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, made.data()));
}

int kernel_engine::bind_file(int fd, const ::sockaddr& address, std::uint32_t size, const socket_file_options& options,
                             socket_file& made) noexcept {
  return bind_file_in_kernel(fd, address, size, options, made);
}

void kernel_engine::remove_file(const char* path, const socket_file& file) noexcept {
  remove_file_in_kernel(path, file);
}

int kernel_engine::make_blocking(int fd) noexcept {
  const int status = ::fcntl(fd, F_GETFL);
  return status < 0 ? -errno : outcome_of(::fcntl(fd, F_SETFL, status & ~O_NONBLOCK));
}

void kernel_engine::close_descriptor(int fd) noexcept { ::close(fd); }

void close_in_kernel(int fd) noexcept { ::close(fd); }

engine::descriptors kernel_engine::open_descriptors() const { return open_descriptors_in_kernel(); }

engine::descriptors open_descriptors_in_kernel() {
  engine::descriptors open;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    const std::string name = entry.path().filename().string();
    int number = -1;
    std::from_chars(name.data(), name.data() + name.size(), number);
    std::error_code gone;  // the descriptor of this very loop is not seen twice
    std::string target = std::filesystem::read_symlink(entry.path(), gone).string();
    if (!gone && !target.ends_with("/fd")) open.all.emplace_back(number, std::move(target));
  }
  std::ranges::sort(open.all);
  return open;
}

void kernel_engine::random(std::span<std::byte> into) {
  while (!into.empty()) {
    const ::ssize_t got = ::getrandom(into.data(), into.size(), 0);
    if (got >= 0) {
      into = into.subspan(static_cast<std::size_t>(got));
    } else if (errno != EINTR) {
      error::from_errno(errno, "get random bytes").raise();
    }
  }
}

std::chrono::system_clock::time_point kernel_engine::wall_now() const noexcept {
  return std::chrono::system_clock::now();
}

void kernel_engine::wake() noexcept {
  const int saved = errno;
  const std::uint64_t one = 1;
  while (::write(doorbell_.fd, &one, sizeof one) < 0 && errno == EINTR) {
  }
  errno = saved;
}

void kernel_engine::silence_doorbell() noexcept {
  std::uint64_t rings = 0;
  while (::read(doorbell_.fd, &rings, sizeof rings) < 0 && errno == EINTR) {
  }
}

}  // namespace wring::detail
