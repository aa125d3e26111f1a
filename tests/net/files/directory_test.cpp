// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/error.hpp>
#include <wring/core/testing/task_test.hpp>
#include <wring/net/files/directory.hpp>

#include "support/tcp_support.hpp"
#include "support/temporary_folder.hpp"

using namespace wring;
using namespace wring::tests;
using net::directory;
using net::file_kind;

namespace {

void store(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

/// The errno that a task fails with; 0: it does not.
template <class Make>
task<int> fault_of(Make make) {
  try {
    static_cast<void>(co_await make());
  } catch (const io_error& e) {
    co_return e.code().value();
  }
  co_return 0;
}

}  // namespace

TASK_TEST_WITH("nothing outside of a directory is reached through it", "[files][real_fd]", .real_time = true) {
  const temporary_folder folder;
  std::filesystem::create_directories(folder / "root/below");
  store(folder / "secret", "secret");
  store(folder / "root/below/page", "page");
  std::filesystem::create_symlink(folder / "secret", folder / "root/absolute");
  std::filesystem::create_symlink("../secret", folder / "root/relative");
  std::filesystem::create_symlink("below/page", folder / "root/inside");
  std::filesystem::create_symlink("..", folder / "root/up");

  const directory root = co_await net::open_directory(folder / "root");
  for (const char* path : {"../secret", "below/../../secret", "absolute", "relative", "up/secret", "/etc/passwd"}) {
    INFO(path);
    const int fault = co_await fault_of([&] { return root.open_file(path); });
    CHECK(fault == EXDEV);
    const int unseen = co_await fault_of([&] { return root.status(path); });
    CHECK(unseen == EXDEV);
  }
  for (const char* path : {"below/page", "inside", "below/../below/page"}) {
    INFO(path);
    net::file page = co_await root.open_file(path);
    const buffer_lease text = co_await page.read_some();
    CHECK(text_of(text) == "page");
  }
  const int link = co_await fault_of([&] { return root.open_file("inside", {.follow_links = false}); });
  CHECK(link == ELOOP);
  const int magic = co_await fault_of([&] { return root.open_file("/proc/self/fd/0"); });
  CHECK(magic == EXDEV);
  const net::file_status status = co_await root.status("below");
  CHECK(status.kind == file_kind::directory);
}

TASK_TEST_WITH("a directory is listed, up to a limit", "[files][real_fd]", .real_time = true) {
  const temporary_folder folder;
  store(folder / "file", "text");
  std::filesystem::create_symlink("file", folder / "link");
  co_await net::make_directory(folder / "below");
  auto entries = co_await net::list_directory(folder / "");
  std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  REQUIRE(entries.size() == 3);
  CHECK((entries[0].name == "below" && entries[0].kind == file_kind::directory));
  CHECK((entries[1].name == "file" && entries[1].kind == file_kind::regular));
  CHECK((entries[2].name == "link" && entries[2].kind == file_kind::symbolic_link));

  const directory root = co_await net::open_directory(folder / "");
  const auto below = co_await root.list("below");
  CHECK(below.empty());
  bool refused = false;
  try {
    static_cast<void>(co_await root.list(".", {.limit = 2}));
  } catch (const io_error& e) {
    refused = e.details() == errc::limit_exceeded && e.details().count() == 2U;
  }
  CHECK(refused);
}

TASK_TEST_WITH("files are renamed and removed", "[files][real_fd]", .real_time = true) {
  const temporary_folder folder;
  store(folder / "a", "text");
  co_await net::make_directory(folder / "b", 0700);
  co_await net::rename_file(folder / "a", folder / "b/c", true);
  const net::file_status moved = co_await net::status_of_file(folder / "b/c");
  CHECK(moved.size == 4);
  const net::file_status made = co_await net::status_of_file(folder / "b");
  CHECK(made.permissions == 0700);
  const int not_empty = co_await fault_of([&] { return net::remove_directory(folder / "b"); });
  CHECK(not_empty == ENOTEMPTY);
  co_await net::remove_file(folder / "b/c");
  co_await net::remove_directory(folder / "b");
  const int missing = co_await fault_of([&] { return net::status_of_file(folder / "b"); });
  CHECK(missing == ENOENT);
}
