// SPDX-License-Identifier: MIT
#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <wring/core/error.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/testing/cancel_everywhere.hpp>
#include <wring/core/testing/task_test.hpp>
#include <wring/core/this_task.hpp>
#include <wring/core/timeout.hpp>
#include <wring/net/files/file_watcher.hpp>

#include "support/temporary_folder.hpp"

using namespace std::chrono_literals;
using namespace wring;
using namespace wring::tests;
using Catch::Matchers::ContainsSubstring;
using net::file_change;
using net::file_change_kind;
using net::file_watcher;

namespace {

void store(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

/// The next change of this kind.
task<std::string> next_path(file_watcher& changes, file_change_kind kind) {
  for (;;) {
    const file_change change = co_await changes.next();
    if (change.kind == kind) co_return change.path;
  }
}

}  // namespace

TASK_TEST_WITH("what happens in a directory is told in order", "[files][real_fd]", .real_time = true) {
  const temporary_folder folder;
  const std::string root = folder / "watched";
  std::filesystem::create_directory(root);
  file_watcher changes;
  co_await changes.watch(root);
  store(root + "/a", "text");
  const file_change created = co_await changes.next();
  CHECK(created.kind == file_change_kind::created);
  CHECK(created.path == root + "/a");
  CHECK(!created.directory);
  const file_change modified = co_await changes.next();
  CHECK(modified.kind == file_change_kind::modified);
  const file_change written = co_await changes.next();
  CHECK(written.kind == file_change_kind::written);
  std::filesystem::rename(root + "/a", root + "/b");
  const file_change away = co_await changes.next();
  CHECK(away.kind == file_change_kind::moved_away);
  const file_change here = co_await changes.next();
  CHECK(here.kind == file_change_kind::moved_here);
  CHECK(here.path == root + "/b");
  std::filesystem::create_directory(root + "/below");
  const file_change below = co_await changes.next();
  CHECK(below.directory);
  std::filesystem::remove(root + "/b");
  const std::string removed = co_await next_path(changes, file_change_kind::removed);
  CHECK(removed == root + "/b");
}

TASK_TEST_WITH("a file that is replaced is gone", "[files][real_fd]", .real_time = true) {
  const temporary_folder folder;
  store(folder / "a", "old");
  store(folder / "b", "new");
  file_watcher changes;
  co_await changes.watch(folder / "a");
  std::filesystem::rename(folder / "b", folder / "a");
  const std::string gone = co_await next_path(changes, file_change_kind::gone);
  CHECK(gone == folder / "a");
  CHECK(!changes.forget(folder / "a"));
  co_await changes.watch(folder / "a");
  store(folder / "a", "more");
  const std::string written = co_await next_path(changes, file_change_kind::written);
  CHECK(written == folder / "a");
  CHECK(changes.forget(folder / "a"));
  store(folder / "a", "unseen");
  const auto none = co_await move_on_after(5ms, changes.next());
  CHECK(!none.has_value());
}

TASK_TEST_WITH("one waits, and is told of what comes", "[files][real_fd]", .real_time = true) {
  const temporary_folder folder;
  store(folder / "a", "");
  file_watcher changes;
  co_await changes.watch(folder / "a");
  std::string seen;
  co_await with_nursery([&](nursery& n) -> task<> {
    n.start([&]() -> task<> { seen = co_await next_path(changes, file_change_kind::modified); });
    co_await yield();
    store(folder / "a", "x");
  });
  CHECK(seen == folder / "a");
  try {
    co_await changes.watch(folder / "missing");
    FAIL("there is no such file");
  } catch (const io_error& e) {
    CHECK_THAT(e.what(), ContainsSubstring("watch " + (folder / "missing") + ": No such file"));
  }
}

TEST_CASE("a watcher can be cancelled wherever it waits", "[files][real_fd]") {
  const temporary_folder folder;
  store(folder / "a", "");
  const std::size_t points = testing::cancel_everywhere(
      [&]() -> task<> {
        file_watcher changes;
        co_await changes.watch(folder / "a");
        co_await with_nursery([&](nursery& n) -> task<> {
          n.start([&]() -> task<> { static_cast<void>(co_await changes.next()); });
          co_await yield();
          store(folder / "a", "x");
        });
      },
      {.real_time = true});
  CHECK(points >= 3);
}
