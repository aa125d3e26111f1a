// SPDX-License-Identifier: MIT
#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <fcntl.h>
#include <limits>
#include <optional>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#include <wring/core/engine/attempt.hpp>
#include <wring/core/engine/nonblocking_for_now.hpp>
#include <wring/core/engine/send_file_calls.hpp>

namespace wring::detail {

namespace {

constexpr std::uint64_t sample_distance = std::uint64_t{128} * 1024;

/// Keeps SIGPIPE from the thread, which sendfile(2) cannot be asked for by a flag as send(2) can, and takes the one
/// that a call has raised meanwhile.
class without_broken_pipe_signal {
 public:
  without_broken_pipe_signal() noexcept {
    ::sigemptyset(&signal_);
    ::sigaddset(&signal_, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &signal_, &before_);
    ::sigset_t pending;
    // One that waited already is somebody else's.
    keeps_ =
        ::sigismember(&before_, SIGPIPE) == 1 && ::sigpending(&pending) == 0 && ::sigismember(&pending, SIGPIPE) == 1;
  }
  without_broken_pipe_signal(const without_broken_pipe_signal&) = delete;
  without_broken_pipe_signal& operator=(const without_broken_pipe_signal&) = delete;
  ~without_broken_pipe_signal() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

  /// The call has failed with EPIPE.
  void take_raised() const noexcept {
    const ::timespec at_once{};
    while (!keeps_ && ::sigtimedwait(&signal_, nullptr, &at_once) < 0 && errno == EINTR) {
    }
  }

 private:
  ::sigset_t signal_;
  ::sigset_t before_;
  bool keeps_;
};

/// Whether one byte can be read without waiting; behind the end it can.
bool is_byte_cached(int file, std::uint64_t offset) noexcept {
  char byte = 0;
  const ::iovec part{&byte, 1};
  return ::preadv2(file, &part, 1, static_cast<::off_t>(offset), RWF_NOWAIT) >= 0;
}

/// How many pages of a range are in memory, by cachestat(2) of Linux 6.5, which the headers of older systems lack;
/// nothing where the kernel does not say.
std::optional<std::uint64_t> cached_pages(int file, std::uint64_t offset, std::uint64_t count) noexcept {
  constexpr long cachestat = 451;  // the same number on every architecture
  struct {
    std::uint64_t offset;
    std::uint64_t count;
  } range{offset, count};
  struct {
    std::uint64_t cached;
    std::uint64_t others[4];
  } found{};
  static std::atomic<bool> is_missing = false;
  if (is_missing.load(std::memory_order_relaxed)) return std::nullopt;
  if (::syscall(cachestat, file, &range, &found, 0) == 0) return found.cached;
  // Other errors concern this file: another owner's, for example.
  if (errno == ENOSYS) is_missing.store(true, std::memory_order_relaxed);
  return std::nullopt;
}

}  // namespace

std::int32_t attempt_send_file(int fd, int file, std::uint64_t offset, std::size_t count) noexcept {
  constexpr std::size_t most = std::numeric_limits<std::int32_t>::max();
  const nonblocking_for_now meanwhile(fd, O_RDWR);  // as every socket that was opened here
  const without_broken_pipe_signal quiet;
  for (;;) {
    auto at = static_cast<::off_t>(offset);
    const ::ssize_t r = ::sendfile(fd, file, &at, std::min(count, most));
    if (r >= 0) return static_cast<std::int32_t>(r);
    const int error_number = errno;
    if (error_number == EAGAIN) return must_wait;
    if (error_number == EPIPE) quiet.take_raised();
    if (error_number != EINTR) return -error_number;
  }
}

bool is_cached_in_kernel(int file, std::uint64_t offset, std::size_t count) noexcept {
  constexpr std::uint64_t largest = std::numeric_limits<::off_t>::max();
  if (count == 0) return true;
  // An offset of -1 would be the file's position.
  if (offset > largest || count > largest - offset) return false;
  const std::uint64_t last = offset + count - 1;
  if (const auto cached = cached_pages(file, offset, count)) {
    static const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    // A page that is still being read counts. Files are read from the front on, so the last one tells.
    return *cached == last / page - offset / page + 1 && is_byte_cached(file, last);
  }
  for (std::uint64_t at = offset; at < last; at += sample_distance - at % sample_distance) {
    if (!is_byte_cached(file, at)) return false;
  }
  return is_byte_cached(file, last);
}

}  // namespace wring::detail
