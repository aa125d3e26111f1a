// SPDX-License-Identifier: MIT
#include <cerrno>
#include <chrono>
#include <fcntl.h>
#include <sys/stat.h>

#include <wring/core/error.hpp>
#include <wring/core/scheduler.hpp>
#include <wring/net/files/detail/file_work.hpp>

namespace wring::net::detail {

namespace {

// -1: they contradict each other.
int open_flags(const file_options& o) noexcept {
  const bool writes = o.write || o.append;
  if ((!o.read && !writes) || (!writes && (o.create || o.truncate)) || (o.exclusive && !o.create)) return -1;
  return (!writes  ? O_RDONLY
          : o.read ? O_RDWR
                   : O_WRONLY) |
         (o.append ? O_APPEND : 0) | (o.create ? O_CREAT : 0) | (o.exclusive ? O_EXCL : 0) | (o.truncate ? O_TRUNC : 0);
}

}  // namespace

void raise_about_file(int number, const char* operation, const std::string& path, const char* detail) {
  const error e = error::from_errno(number, operation).with_detail(detail);
  throw io_error(e.with_address(error_address::from_text(path)), e.message_about(path));
}

void require_files(const char* operation, const std::string& path) {
  if (!scheduler::current().engine().has_files()) {
    raise_about_file(wring::detail::not_simulated_errno, operation, path);
  }
}

file_kind kind_of(unsigned mode) noexcept {
  switch (mode & S_IFMT) {
    case S_IFREG:
      return file_kind::regular;
    case S_IFDIR:
      return file_kind::directory;
    case S_IFLNK:
      return file_kind::symbolic_link;
    case S_IFIFO:
      return file_kind::fifo;
    case S_IFSOCK:
      return file_kind::socket;
    case S_IFCHR:
      return file_kind::character_device;
    case S_IFBLK:
      return file_kind::block_device;
    default:
      return file_kind::unknown;
  }
}

file_status status_of(const wring::detail::file_facts& f) noexcept {
  const auto modified =
      std::chrono::duration_cast<std::chrono::system_clock::duration>(std::chrono::nanoseconds(f.modified));
  return {.kind = kind_of(f.mode),
          .permissions = f.mode & 07777,
          .size = f.size,
          .modified = std::chrono::system_clock::time_point(modified),
          .device = f.device,
          .number = f.number,
          .links = f.links,
          .owner = f.owner,
          .group = f.group};
}

task<descriptor> open_for_file(wring::detail::file_place at, std::string path, file_options options) {
  constexpr const char* what = "open";
  require_files(what, path);
  const int flags = open_flags(options);
  if (flags < 0) {
    raise_about_file(EINVAL, what, path,
                     "the options contradict each other: it is opened neither to read nor to write, or create and "
                     "truncate are without write, or exclusive without create");
  }
  at.no_links = at.no_links || !options.follow_links;
  auto open = [&] {
    const wring::detail::opened_file f = wring::detail::open_file(at, path, flags, options.mode);
    return std::pair(descriptor(f.fd), f);
  };
  auto opened = co_await offload(thread_pool::files(), open);
  if (opened.second.fd < 0) raise_about_file(opened.second.fd, what, path);
  const file_kind kind = kind_of(opened.second.facts.mode);
  if (kind == file_kind::directory) raise_about_file(EISDIR, what, path);
  if (kind != file_kind::regular && kind != file_kind::block_device) {
    raise_about_file(EINVAL, what, path, "it is no regular file: a FIFO, a terminal or a device is a stream");
  }
  co_return std::move(opened.first);
}

}  // namespace wring::net::detail
