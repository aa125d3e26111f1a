// SPDX-License-Identifier: MIT
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <memory>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <fmt/core.h>

#include <wring/core/engine/file_calls.hpp>

namespace wring::detail {

namespace {

/// The value of a system call that is repeated when a signal interrupts it, or -errno.
template <class Call>
int value_of(Call call) noexcept {
  for (;;) {
    const auto r = call();
    if (r >= 0) return static_cast<int>(r);
    if (errno != EINTR) return -errno;
  }
}

file_facts facts_of(const struct ::stat& s) noexcept {
  return {.mode = s.st_mode,
          .size = static_cast<std::uint64_t>(s.st_size),
          .modified = static_cast<std::int64_t>(s.st_mtim.tv_sec) * 1'000'000'000 + s.st_mtim.tv_nsec,
          .device = s.st_dev,
          .number = s.st_ino,
          .links = s.st_nlink,
          .owner = s.st_uid,
          .group = s.st_gid};
}

/// A descriptor that is closed at the end of its block.
class closing {
 public:
  explicit closing(int fd) noexcept : fd_(fd) {}
  closing(const closing&) = delete;
  closing& operator=(const closing&) = delete;
  ~closing() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] int get() const noexcept { return fd_; }

 private:
  int fd_;
};

int open_at(const file_place& at, const std::string& path, int flags, unsigned mode) noexcept {
  if (!at.beneath && !at.no_links) {
    return value_of([&] { return ::openat(at.directory, path.c_str(), flags | O_CLOEXEC, mode & 07777); });
  }
  ::open_how how{};
  how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC);
  // openat2 refuses a mode where no file can be made.
  if ((flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE) how.mode = mode & 07777;
  if (at.beneath) how.resolve |= RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  if (at.no_links) how.resolve |= RESOLVE_NO_SYMLINKS;
  // With RESOLVE_BENEATH the kernel says EAGAIN when a directory was moved meanwhile.
  for (int left = 64;; --left) {
    const int fd = value_of([&] { return ::syscall(SYS_openat2, at.directory, path.c_str(), &how, sizeof how); });
    if (fd != -EAGAIN || left == 0) return fd;
  }
}

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.find_last_of('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

int sync_folder(const std::string& folder) noexcept {
  const closing at(value_of([&] { return ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); }));
  if (at.get() < 0) return at.get();
  return value_of([&] { return ::fsync(at.get()); });
}

std::string unused_name(const std::string& folder) {
  std::uint64_t number = 0;
  if (::getrandom(&number, sizeof number, 0) != static_cast<::ssize_t>(sizeof number)) {
    number = static_cast<std::uint64_t>(::getpid());
  }
  return fmt::format("{}/.wring-{:016x}", folder, number);
}

constexpr int attempts = 100;

}  // namespace

opened_file open_file(const file_place& at, const std::string& path, int flags, unsigned mode) noexcept {
  opened_file out;
  out.fd = open_at(at, path, flags | O_NONBLOCK | O_NOCTTY, mode);
  if (out.fd < 0) return out;
  if (const int r = file_facts_of(out.fd, out.facts); r < 0) {
    ::close(out.fd);
    out.fd = r;
  }
  return out;
}

int file_facts_of(int fd, file_facts& into) noexcept {
  struct ::stat s{};
  const int r = value_of([&] { return ::fstat(fd, &s); });
  if (r == 0) into = facts_of(s);
  return r;
}

int file_facts_of(const file_place& at, const std::string& path, file_facts& into) noexcept {
  const closing found(open_at(at, path, O_PATH, 0));
  return found.get() < 0 ? found.get() : file_facts_of(found.get(), into);
}

int truncate_file(int fd, std::uint64_t size) noexcept {
  return value_of([&] { return ::ftruncate(fd, static_cast<::off_t>(size)); });
}

int close_file(int fd) noexcept {
  // The descriptor is closed whatever this returns.
  return ::close(fd) == 0 || errno == EINTR ? 0 : -errno;
}

int open_unnamed_file(const std::string& directory, unsigned mode, std::string& name) {
  const file_place here{.directory = AT_FDCWD};
  const int fd = open_at(here, directory, O_TMPFILE | O_RDWR, mode);
  if (fd != -EOPNOTSUPP && fd != -EISDIR) return fd;
  for (int left = attempts; left > 0; --left) {
    std::string candidate = unused_name(directory);
    const int named = open_at(here, candidate, O_CREAT | O_EXCL | O_RDWR, mode);
    if (named == -EEXIST) continue;
    if (named >= 0) name = std::move(candidate);
    return named;
  }
  return -EEXIST;
}

int name_file(int fd, std::string& name, const std::string& path, bool replace, bool sync) {
  const std::string folder = folder_of(path);
  int r = sync ? value_of([&] { return ::fsync(fd); }) : 0;
  if (r < 0) return r;
  const std::string unnamed = fmt::format("/proc/self/fd/{}", fd);
  const auto link = [&](const std::string& to) {
    return name.empty()
               ? value_of([&] { return ::linkat(AT_FDCWD, unnamed.c_str(), AT_FDCWD, to.c_str(), AT_SYMLINK_FOLLOW); })
               : value_of([&] { return ::link(name.c_str(), to.c_str()); });
  };
  if (!replace) {
    r = link(path);
    if (r == 0 && !name.empty()) {
      ::unlink(name.c_str());
      name.clear();
    }
  } else {
    for (int left = attempts; name.empty() && left > 0; --left) {
      const std::string candidate = unused_name(folder);
      r = link(candidate);
      if (r == -EEXIST) continue;
      if (r < 0) return r;
      name = candidate;
    }
    r = name.empty() ? -EEXIST : value_of([&] { return ::rename(name.c_str(), path.c_str()); });
    if (r == 0) name.clear();
  }
  return r == 0 && sync ? sync_folder(folder) : r;
}

int rename_file(const std::string& from, const std::string& to, bool sync) {
  int r = value_of([&] { return ::rename(from.c_str(), to.c_str()); });
  if (r < 0 || !sync) return r;
  const std::string left = folder_of(from);
  const std::string entered = folder_of(to);
  r = sync_folder(entered);
  return r == 0 && left != entered ? sync_folder(left) : r;
}

int remove_file(const std::string& path) noexcept {
  return value_of([&] { return ::unlink(path.c_str()); });
}

int remove_directory(const std::string& path) noexcept {
  return value_of([&] { return ::rmdir(path.c_str()); });
}

int make_directory(const std::string& path, unsigned mode) noexcept {
  return value_of([&] { return ::mkdir(path.c_str(), mode & 07777); });
}

int list_files(const file_place& at, const std::string& path, std::size_t most, std::vector<listed_file>& into) {
  const int fd = open_at(at, path, O_RDONLY | O_DIRECTORY, 0);
  if (fd < 0) return fd;
  struct closer {
    void operator()(::DIR* d) const noexcept { ::closedir(d); }
  };
  const std::unique_ptr<::DIR, closer> open(::fdopendir(fd));
  if (open == nullptr) {
    const int fault = -errno;
    ::close(fd);
    return fault;
  }
  for (;;) {
    errno = 0;
    const ::dirent* const entry = ::readdir(open.get());
    if (entry == nullptr) return -errno;
    if (std::strcmp(entry->d_name, ".") == 0 || std::strcmp(entry->d_name, "..") == 0) continue;
    if (into.size() == most) return -E2BIG;
    into.push_back({.name = entry->d_name, .mode = entry->d_type == DT_UNKNOWN ? 0U : DTTOIF(entry->d_type)});
  }
}

}  // namespace wring::detail
