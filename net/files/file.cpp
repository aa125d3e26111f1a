// SPDX-License-Identifier: MIT
#include <fcntl.h>

#include <wring/core/detail/destroyed_in_use.hpp>
#include <wring/net/files/detail/file_work.hpp>
#include <wring/net/files/file.hpp>

namespace wring::net {

file::~file() {
  if (state_ != nullptr && state_->waits != 0) [[unlikely]]
    wring::detail::destroyed_in_use("a file");
}

void file::seek(std::uint64_t offset) noexcept {
  if (state_ != nullptr) state_->position = offset;
}

std::string_view file::path() const noexcept { return state_ == nullptr ? std::string_view() : state_->path; }

file file::adopt(descriptor fd, std::string path) {
  return file(std::make_unique<detail::file_state>(std::move(fd), std::move(path)));
}

task<file_status> file::status() {
  const detail::file_use here(state_.get(), "look at");
  const int fd = state_->fd.get();
  wring::detail::file_facts facts;
  co_await detail::call_on_thread("look at", state_->path, [&] { return wring::detail::file_facts_of(fd, facts); });
  co_return detail::status_of(facts);
}

task<> file::truncate(std::uint64_t size) {
  const detail::file_use here(state_.get(), "truncate");
  const int fd = state_->fd.get();
  co_await detail::call_on_thread("truncate", state_->path, [&] { return wring::detail::truncate_file(fd, size); });
}

task<> file::close() {
  if (state_ == nullptr || state_->fd.get() < 0) co_return;
  if (state_->waits != 0) state_->raise(state_->fault(errc::busy, "close"));
  detail::require_files("close", state_->path);
  // Even if it is cancelled before it has begun, the descriptor is closed.
  descriptor closing = std::move(state_->fd);
  auto close = [&] { return wring::detail::close_file(closing.release()); };
  const int r = co_await offload(thread_pool::files(), close);
  if (r < 0) detail::raise_about_file(r, "close", state_->path);
}

task<file> open_file(std::string path, file_options options) {
  descriptor fd = co_await detail::open_for_file({.directory = AT_FDCWD}, path, options);
  co_return file::adopt(std::move(fd), std::move(path));
}

task<file> create_file(std::string path, unsigned mode) {
  file_options options;
  options.read = false;
  options.write = true;
  options.create = true;
  options.truncate = true;
  options.mode = mode;
  return open_file(std::move(path), options);
}

}  // namespace wring::net
