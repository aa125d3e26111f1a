// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstring>
#include <sys/inotify.h>
#include <utility>

#include <wring/core/engine/watch_calls.hpp>
#include <wring/core/scheduler.hpp>
#include <wring/net/files/detail/file_work.hpp>
#include <wring/net/files/file_watcher.hpp>

namespace wring::net {

namespace {

constexpr std::uint32_t all_events = IN_MODIFY | IN_CLOSE_WRITE | IN_ATTRIB | IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM |
                                     IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF;

pipe_reader opened() {
  constexpr const char* what = "watch files";
  if (!scheduler::current().engine().has_files()) error(errc::not_simulated, what).raise();
  const int fd = wring::detail::open_watcher();
  if (fd < 0) error::from_errno(fd, what).raise();
  return detail::pipe_ends::reader(descriptor(fd), wring::detail::pipe_access::own,
                                   error_address::from_text("file watcher"));
}

file_change_kind kind_of_event(std::uint32_t mask) noexcept {
  if ((mask & IN_Q_OVERFLOW) != 0) return file_change_kind::lost;
  if ((mask & IN_MODIFY) != 0) return file_change_kind::modified;
  if ((mask & IN_CLOSE_WRITE) != 0) return file_change_kind::written;
  if ((mask & IN_ATTRIB) != 0) return file_change_kind::attributes;
  if ((mask & IN_CREATE) != 0) return file_change_kind::created;
  if ((mask & IN_MOVED_TO) != 0) return file_change_kind::moved_here;
  if ((mask & IN_MOVED_FROM) != 0) return file_change_kind::moved_away;
  if ((mask & IN_DELETE) != 0) return file_change_kind::removed;
  return file_change_kind::gone;
}

}  // namespace

file_watcher::file_watcher() : events_(opened()) {}

task<> file_watcher::watch(std::string path) {
  const int fd = events_.native_handle();
  auto add = [&] { return wring::detail::add_watch(fd, path, all_events); };
  const int number = co_await detail::call_on_thread("watch", path, add);
  paths_.insert_or_assign(number, std::move(path));
}

bool file_watcher::forget(const std::string& path) {
  const auto found = std::find_if(paths_.begin(), paths_.end(), [&](const auto& each) { return each.second == path; });
  if (found == paths_.end()) return false;
  static_cast<void>(wring::detail::remove_watch(events_.native_handle(), found->first));
  paths_.erase(found);
  return true;
}

// The next event of those that were read. False: there is none.
bool file_watcher::take(file_change& into) {
  while (!pending_.empty()) {
    ::inotify_event event;
    std::memcpy(&event, pending_.data(), sizeof event);
    const char* const name = reinterpret_cast<const char*>(pending_.data()) + sizeof event;
    const auto watched = paths_.find(event.wd);
    const bool lost = (event.mask & IN_Q_OVERFLOW) != 0;
    // The last of a watch, after it was forgotten, or after what has been told as `gone` already.
    const bool told = watched != paths_.end() && (event.mask & IN_IGNORED) == 0;
    into.kind = kind_of_event(event.mask);
    into.path = told ? watched->second : std::string();
    into.directory = (event.mask & IN_ISDIR) != 0;
    if (told && event.len != 0) into.path.append("/").append(name);
    if (told && into.kind == file_change_kind::gone) {
      // A moved file would still be watched.
      static_cast<void>(wring::detail::remove_watch(events_.native_handle(), event.wd));
      paths_.erase(watched);
    }
    pending_.consume(std::min<std::size_t>(sizeof event + event.len, pending_.size()));
    if (told || lost) return true;
  }
  return false;
}

task<file_change> file_watcher::next() {
  file_change change{};
  while (!take(change)) pending_ = co_await events_.read_some();
  co_return change;
}

}  // namespace wring::net
