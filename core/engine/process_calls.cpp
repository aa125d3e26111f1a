// SPDX-License-Identifier: MIT
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <spawn.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <wring/core/engine/process_calls.hpp>

namespace wring::detail {

namespace {

constexpr ::idtype_t by_pidfd = static_cast<::idtype_t>(3);  // P_PIDFD, which older headers lack

/// Descriptors that are closed at the end of a block.
class open_for_now {
 public:
  open_for_now() noexcept = default;
  open_for_now(const open_for_now&) = delete;
  open_for_now& operator=(const open_for_now&) = delete;
  ~open_for_now() {
    for (const int fd : all_) ::close(fd);
  }
  void add(int fd) { all_.push_back(fd); }

 private:
  std::vector<int> all_;
};

class spawn_attributes {
 public:
  explicit spawn_attributes(const child_start& start) noexcept {
    ::posix_spawnattr_init(&attributes_);
    short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
    // Schedulers block signals, and what is ignored here would be ignored there.
    ::sigset_t none;
    ::sigemptyset(&none);
    ::posix_spawnattr_setsigmask(&attributes_, &none);
    ::sigset_t all;
    ::sigfillset(&all);
    ::posix_spawnattr_setsigdefault(&attributes_, &all);
    if (start.own_session) {
      flags |= POSIX_SPAWN_SETSID;
    } else if (start.own_group) {
      flags |= POSIX_SPAWN_SETPGROUP;
      ::posix_spawnattr_setpgroup(&attributes_, 0);
    }
    ::posix_spawnattr_setflags(&attributes_, flags);
  }
  spawn_attributes(const spawn_attributes&) = delete;
  spawn_attributes& operator=(const spawn_attributes&) = delete;
  ~spawn_attributes() { ::posix_spawnattr_destroy(&attributes_); }

  [[nodiscard]] const ::posix_spawnattr_t* get() const noexcept { return &attributes_; }

 private:
  ::posix_spawnattr_t attributes_;
};

class spawn_actions {
 public:
  spawn_actions() noexcept { ::posix_spawn_file_actions_init(&actions_); }
  spawn_actions(const spawn_actions&) = delete;
  spawn_actions& operator=(const spawn_actions&) = delete;
  ~spawn_actions() { ::posix_spawn_file_actions_destroy(&actions_); }

  [[nodiscard]] ::posix_spawn_file_actions_t* get() noexcept { return &actions_; }

 private:
  ::posix_spawn_file_actions_t actions_;
};

/// A descriptor by which a child enters a directory, checked here so that an error is known to be the directory's.
int enter(const std::string& directory) noexcept {
  const int fd = ::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return -errno;
  const int inside = ::openat(fd, ".", O_PATH | O_CLOEXEC);
  const int error_number = errno;
  ::close(fd);
  return inside >= 0 ? inside : -error_number;
}

/// What the child does before it runs its program. Returns an errno.
int arrange(const child_start& start, open_for_now& kept, ::posix_spawn_file_actions_t* actions,
            bool& directory_failed) {
  const int count = static_cast<int>(start.descriptors.size());
  if (!start.directory.empty()) {
    const int fd = enter(start.directory);
    if (fd < 0) {
      directory_failed = true;
      return -fd;
    }
    kept.add(fd);
    if (const int r = ::posix_spawn_file_actions_addfchdir_np(actions, fd); r != 0) return r;
  }
  // Above all numbers that are assigned, so that no assignment overwrites what another one needs.
  std::vector<int> from(start.descriptors);
  for (int& fd : from) {
    if (fd < 0) continue;
    const int copy = ::fcntl(fd, F_DUPFD_CLOEXEC, count);
    if (copy < 0) return errno;
    kept.add(copy);
    fd = copy;
  }
  // The first terminal that the leader of a new session opens becomes its controlling one.
  int terminal = -1;
  for (int i = 0; i != count; ++i) {
    const int fd = from[static_cast<std::size_t>(i)];
    int r = 0;
    if (fd >= 0) {
      r = ::posix_spawn_file_actions_adddup2(actions, fd, i);
    } else if (terminal >= 0) {
      r = ::posix_spawn_file_actions_adddup2(actions, terminal, i);
    } else {
      r = ::posix_spawn_file_actions_addopen(actions, i, start.terminal.c_str(), O_RDWR, 0);
      terminal = i;
    }
    if (r != 0) return r;
  }
  return ::posix_spawn_file_actions_addclosefrom_np(actions, count);
}

}  // namespace

started_child start_child(const child_start& start) {
  started_child made;
  open_for_now kept;
  spawn_actions actions;
  made.error_number = arrange(start, kept, actions.get(), made.directory_failed);
  if (made.error_number != 0) return made;
  const spawn_attributes attributes(start);
  ::pid_t id = 0;
  made.error_number = ::posix_spawnp(&id, start.program.c_str(), actions.get(), attributes.get(),
                                     start.arguments.data(), start.environment.data());
  if (made.error_number != 0) return made;
  made.id = id;
  made.pidfd = static_cast<int>(::syscall(SYS_pidfd_open, id, 0));
  if (made.pidfd < 0 && errno != ESRCH) {
    // No descriptor is left, for example. Without one it can neither be waited for nor ended later.
    made.error_number = errno;
    ::kill(id, SIGKILL);
    ::waitpid(id, nullptr, 0);
    return made;
  }
  // If SIGCHLD is ignored, or others reap all children, the number may be another process's by now.
  ::siginfo_t info{};
  if (made.pidfd >= 0 && ::waitid(by_pidfd, static_cast<::id_t>(made.pidfd), &info, WEXITED | WNOHANG | WNOWAIT) != 0) {
    ::close(made.pidfd);
    made.pidfd = -1;
  }
  return made;
}

int reap_child(int pidfd, bool wait, child_end& into) noexcept {
  ::siginfo_t info{};
  while (::waitid(by_pidfd, static_cast<::id_t>(pidfd), &info, WEXITED | (wait ? 0 : WNOHANG)) != 0) {
    if (errno == EINTR) continue;
    if (errno != ECHILD) return -errno;
    into = {.lost = true};
    return 0;
  }
  if (info.si_pid == 0) return -EAGAIN;
  into.signalled = info.si_code != CLD_EXITED;
  into.core = info.si_code == CLD_DUMPED;
  into.number = info.si_status;
  return 0;
}

int signal_child(int pidfd, int number) noexcept {
  return ::syscall(SYS_pidfd_send_signal, pidfd, number, nullptr, 0) == 0 ? 0 : -errno;
}

int signal_group(int id, int number) noexcept { return ::kill(-id, number) == 0 ? 0 : -errno; }

int open_child_pipe(bool child_writes, child_pipe& made) noexcept {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return -errno;
  made = child_writes ? child_pipe{.ours = ends[0], .theirs = ends[1]} : child_pipe{.ours = ends[1], .theirs = ends[0]};
  // Each end is a description of its own.
  if (::fcntl(made.ours, F_SETFL, O_NONBLOCK) == 0) return 0;
  const int error_number = errno;
  for (const int fd : ends) ::close(fd);
  return -error_number;
}

int open_null() noexcept {
  const int fd = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  return fd >= 0 ? fd : -errno;
}

int open_terminal(std::uint16_t rows, std::uint16_t columns, std::string& path) {
  const int fd = ::open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return -errno;
  std::array<char, 64> name{};
  if (::grantpt(fd) == 0 && ::unlockpt(fd) == 0 && ::ptsname_r(fd, name.data(), name.size()) == 0 &&
      set_terminal_size(fd, rows, columns) == 0) {
    path = name.data();
    return fd;
  }
  const int error_number = errno;
  ::close(fd);
  return -error_number;
}

int set_terminal_size(int fd, std::uint16_t rows, std::uint16_t columns) noexcept {
  ::winsize size{};
  size.ws_row = rows;
  size.ws_col = columns;
  return ::ioctl(fd, TIOCSWINSZ, &size) == 0 ? 0 : -errno;
}

int duplicate(int fd) noexcept {
  const int copy = ::fcntl(fd, F_DUPFD_CLOEXEC, 3);
  return copy >= 0 ? copy : -errno;
}

std::vector<std::string> current_environment() {
  std::vector<std::string> all;
  for (char** each = ::environ; each != nullptr && *each != nullptr; ++each) all.emplace_back(*each);
  return all;
}

}  // namespace wring::detail
