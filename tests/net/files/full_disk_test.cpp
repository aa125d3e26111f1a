// SPDX-License-Identifier: MIT
// File systems with little room, in a mount namespace of a child.
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <sched.h>
#include <string>
#include <sys/mount.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/error.hpp>
#include <wring/core/testing/run.hpp>
#include <wring/net/files/directory.hpp>
#include <wring/net/files/file.hpp>
#include <wring/net/files/temporary_file.hpp>

#include "support/in_child.hpp"
#include "support/temporary_folder.hpp"

using namespace wring;
using namespace wring::tests;

namespace {

constexpr int not_allowed = 77;

/// Ends the child with the text.
void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "not so: %s\n", what);
  ::_exit(1);
}

/// Mounts a file system in memory, which only this process sees, or ends it with `not_allowed` and the reason.
void mount_memory(const std::string& folder, const char* options) {
  const auto succeeds = [](int result) {
    if (result == 0) return;
    std::fprintf(stderr, "%s\n", std::strerror(errno));
    ::_exit(not_allowed);
  };
  succeeds(::unshare(CLONE_NEWNS) == 0 || errno != EPERM ? 0 : ::unshare(CLONE_NEWUSER | CLONE_NEWNS));
  succeeds(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr));
  succeeds(::mount("wring-test", folder.c_str(), "tmpfs", 0, options));
}

std::string stored(const std::string& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// What a program meets that writes more than there is room for.
task<> fill(std::string path, std::string next, int expected) {
  const auto full = static_cast<std::errc>(expected);
  net::file log = co_await net::create_file(path + "/log");
  const std::string line(1000, 'x');
  std::size_t lines = 0;
  for (;; ++lines) {
    const auto written = co_await log.write_all(line).result();
    if (written) continue;
    require(written.error() == full, written.error().message().c_str());
    break;
  }
  require(lines > 10, "there was room for some lines");
  // Of the last one there may be a part: then nothing follows it.
  const bool torn = log.position() % line.size() != 0;
  const auto after = co_await log.write_all(line).result();
  require(!after && (torn ? after.error() == errc::write_torn : after.error() == full), "nothing follows");
  require(stored(path + "/log").size() == log.position(), "what was written is there");

  // A file that is replaced when its successor is complete stays as it was.
  std::string complaint;
  try {
    net::temporary_file successor = co_await net::create_temporary_file(path);
    const std::string much(400'000, 'y');
    co_await successor.content().write_all(much);
    co_await successor.keep(next);
  } catch (const io_error& e) {
    require(e.code() == full, e.what());
    complaint = e.what();
  }
  require(!complaint.empty(), "a successor that has no room is an error");
  require(stored(next) == "old", "the old file is there");

  // What goes makes room.
  co_await log.close();
  co_await net::remove_file(path + "/log");
  net::file small = co_await net::create_file(path + "/small");
  co_await small.write_all(line);
  co_await small.sync();
  co_await small.close();
}

void check_limit(const char* options, int expected) {
  const temporary_folder folder;
  const std::string path = folder / "";
  const auto end = in_child([&] {
    mount_memory(path, options);
    std::ofstream(folder / "next") << "old";
    testing::run([&] { return fill(path, folder / "next", expected); }, {});
  });
  if (end.status == not_allowed) SKIP("no file system can be mounted here: " << end.report);
  INFO(end.report);
  CHECK(end.clean);
}

}  // namespace

TEST_CASE("a disk that is full is an error, and leaves what was written", "[files][real_fd]") {
  if (!threads_in_forks) SKIP("the thread sanitizer does not allow threads in forked processes");
  check_limit("size=256k", ENOSPC);
}

TEST_CASE("a quota that is used up is an error, and leaves what was written", "[files][real_fd]") {
  if (!threads_in_forks) SKIP("the thread sanitizer does not allow threads in forked processes");
  check_limit("size=8m,usrquota,usrquota_block_hardlimit=256k", EDQUOT);
}
