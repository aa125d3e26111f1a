// SPDX-License-Identifier: MIT
#include <wring/net/files/detail/file_work.hpp>
#include <wring/net/files/temporary_file.hpp>

namespace wring::net {

temporary_file::~temporary_file() {
  if (!name_.empty()) static_cast<void>(wring::detail::remove_file(name_));
}

task<> temporary_file::keep(std::string path, keep_options options) {
  constexpr const char* what = "name a temporary file";
  const int fd = file_.native_handle();
  if (fd < 0) throw io_error(error(errc::closed, what), error(errc::closed, what).message_about(path));
  auto name = [&] { return wring::detail::name_file(fd, name_, path, options.replace, options.sync); };
  co_await detail::call_on_thread(what, path, name);
}

task<temporary_file> create_temporary_file(std::string directory, unsigned mode) {
  constexpr const char* what = "make a temporary file in";
  std::string name;
  auto open = [&] { return wring::detail::open_unnamed_file(directory, mode, name); };
  const int fd = co_await detail::call_on_thread(what, directory, open);
  descriptor opened(fd);
  co_return temporary_file(file::adopt(std::move(opened), name), name);
}

}  // namespace wring::net
