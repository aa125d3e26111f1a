// SPDX-License-Identifier: MIT
#include <cerrno>
#include <fcntl.h>

#include <wring/net/files/detail/file_work.hpp>
#include <wring/net/files/directory.hpp>

namespace wring::net {

namespace {

constexpr wring::detail::file_place anywhere{.directory = AT_FDCWD};

wring::detail::file_place below(const descriptor& fd) noexcept { return {.directory = fd.get(), .beneath = true}; }

task<file_status> status_at(wring::detail::file_place at, std::string path) {
  wring::detail::file_facts facts;
  auto look = [&] { return wring::detail::file_facts_of(at, path, facts); };
  co_await detail::call_on_thread("look at", path, look);
  co_return detail::status_of(facts);
}

task<std::vector<directory_entry>> list_at(wring::detail::file_place at, std::string path, list_options options) {
  constexpr const char* what = "list";
  detail::require_files(what, path);
  std::vector<wring::detail::listed_file> found;
  auto list = [&] { return wring::detail::list_files(at, path, options.limit, found); };
  const int r = co_await offload(thread_pool::files(), list);
  if (r == -E2BIG) {
    const error e = error(errc::limit_exceeded, what)
                        .with_count(options.limit)
                        .with_detail("the directory has more names than list_options::limit");
    throw io_error(e, e.message_about(path));
  }
  if (r < 0) detail::raise_about_file(r, what, path);
  std::vector<directory_entry> entries;
  entries.reserve(found.size());
  for (wring::detail::listed_file& each : found) {
    entries.push_back({.name = std::move(each.name), .kind = detail::kind_of(each.mode)});
  }
  co_return entries;
}

}  // namespace

task<file> directory::open_file(std::string path, file_options options) const {
  descriptor fd = co_await detail::open_for_file(below(fd_), path, options);
  co_return file::adopt(std::move(fd), std::move(path));
}

task<file_status> directory::status(std::string path) const { return status_at(below(fd_), std::move(path)); }

task<std::vector<directory_entry>> directory::list(std::string path, list_options options) const {
  return list_at(below(fd_), std::move(path), options);
}

task<directory> open_directory(std::string path) {
  auto open = [&] { return wring::detail::open_file(anywhere, path, O_RDONLY | O_DIRECTORY, 0).fd; };
  const int fd = co_await detail::call_on_thread("open", path, open);
  descriptor opened(fd);
  co_return directory(std::move(opened), std::move(path));
}

task<std::vector<directory_entry>> list_directory(std::string path, list_options options) {
  return list_at(anywhere, std::move(path), options);
}

task<file_status> status_of_file(std::string path) { return status_at(anywhere, std::move(path)); }

task<> rename_file(std::string from, std::string to, bool sync) {
  auto rename = [&] { return wring::detail::rename_file(from, to, sync); };
  co_await detail::call_on_thread("rename", from, rename);
}

task<> remove_file(std::string path) {
  auto remove = [&] { return wring::detail::remove_file(path); };
  co_await detail::call_on_thread("remove", path, remove);
}

task<> make_directory(std::string path, unsigned mode) {
  auto make = [&] { return wring::detail::make_directory(path, mode); };
  co_await detail::call_on_thread("make the directory", path, make);
}

task<> remove_directory(std::string path) {
  auto remove = [&] { return wring::detail::remove_directory(path); };
  co_await detail::call_on_thread("remove the directory", path, remove);
}

}  // namespace wring::net
