// SPDX-License-Identifier: MIT
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/error.hpp>
#include <wring/core/testing/cancel_everywhere.hpp>
#include <wring/core/testing/task_test.hpp>
#include <wring/net/files/temporary_file.hpp>

#include "support/temporary_folder.hpp"

using namespace wring;
using namespace wring::tests;
using net::temporary_file;

namespace {

std::string stored(const std::string& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::size_t files_in(const std::string& folder) {
  const std::filesystem::directory_iterator all(folder);
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

}  // namespace

TASK_TEST_WITH("a temporary file replaces another when it is complete", "[files][real_fd]", .real_time = true) {
  const temporary_folder folder;
  std::ofstream(folder / "a") << "old";
  temporary_file next = co_await net::create_temporary_file(folder / "");
  co_await next.content().write_all("new content");
  CHECK(stored(folder / "a") == "old");
  co_await next.keep(folder / "a");
  CHECK(stored(folder / "a") == "new content");
  CHECK(files_in(folder / "") == 1);
}

TASK_TEST_WITH("a temporary file that is not kept leaves nothing", "[files][real_fd]", .real_time = true) {
  const temporary_folder folder;
  {
    temporary_file next = co_await net::create_temporary_file(folder / "");
    co_await next.content().write_all("nobody will see this");
  }
  CHECK(files_in(folder / "") == 0);
}

TASK_TEST_WITH("a temporary file does not replace another if it must not", "[files][real_fd]", .real_time = true) {
  const temporary_folder folder;
  std::ofstream(folder / "a") << "old";
  temporary_file next = co_await net::create_temporary_file(folder / "");
  co_await next.content().write_all("new");
  bool refused = false;
  try {
    co_await next.keep(folder / "a", {.replace = false});
  } catch (const io_error& e) {
    refused = e.details() == std::errc::file_exists;
  }
  CHECK(refused);
  CHECK(stored(folder / "a") == "old");
  co_await next.keep(folder / "b", {.replace = false, .sync = false});
  CHECK(stored(folder / "b") == "new");
  CHECK(files_in(folder / "") == 2);
}

TEST_CASE("the making of a temporary file can be cancelled wherever it waits", "[files][real_fd]") {
  const temporary_folder folder;
  const std::size_t points = testing::cancel_everywhere(
      [&]() -> task<> {
        temporary_file next = co_await net::create_temporary_file(folder / "");
        co_await next.content().write_all("text");
        co_await next.keep(folder / "a");
      },
      {.real_time = true});
  CHECK(points >= 2);
  CHECK(files_in(folder / "") == 1);
}
