// SPDX-License-Identifier: MIT
#include <array>
#include <cerrno>
#include <cstddef>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <sys/resource.h>
#include <sys/stat.h>
#include <utility>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <wring/core/error.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/testing/cancel_everywhere.hpp>
#include <wring/core/testing/task_test.hpp>
#include <wring/core/timeout.hpp>
#include <wring/net/byte_sink.hpp>
#include <wring/net/byte_source.hpp>
#include <wring/net/copy.hpp>
#include <wring/net/files/file.hpp>
#include <wring/net/memory_stream.hpp>
#include <wring/net/testing/source_conformance.hpp>

#include "support/byte_ends.hpp"
#include "support/tcp_support.hpp"
#include "support/temporary_folder.hpp"

using namespace wring;
using namespace wring::tests;
using Catch::Matchers::ContainsSubstring;
using net::file;
using net::open_file;

static_assert(net::byte_source<file> && net::byte_sink<file>);

namespace {

void store(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

std::string stored(const std::string& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

constexpr net::file_options both_ways{.write = true, .create = true};

/// The text of what a task throws.
template <class Make>
task<std::string> complaint(Make make) {
  try {
    static_cast<void>(co_await make());
  } catch (const io_error& e) {
    co_return e.what();
  }
  co_return "nothing was thrown";
}

}  // namespace

TASK_TEST_WITH("a file is read and written where one likes", "[files][real_fd]", .real_time = true) {
  const temporary_folder folder;
  file f = co_await open_file(folder / "a", both_ways);
  co_await f.write_at(3, "defg");
  co_await f.write_at(0, "abc");
  std::array<std::byte, 10> into{};
  const std::size_t all = co_await f.read_at(0, into);
  CHECK(text_of(std::span(into).first(all)) == "abcdefg");
  const std::size_t end = co_await f.read_at(5, into);
  CHECK(text_of(std::span(into).first(end)) == "fg");
  const std::size_t beyond = co_await f.read_at(100, into);
  CHECK(beyond == 0);
  CHECK(f.position() == 0);
  const net::file_status status = co_await f.status();
  CHECK(status.size == 7);
  CHECK(status.kind == net::file_kind::regular);
  co_await f.truncate(2);
  co_await f.sync();
  CHECK(stored(folder / "a") == "ab");
  co_await f.close();
  CHECK(f.native_handle() == -1);
  co_await f.close();
}

TASK_TEST_WITH("a file is a source and a sink at its position", "[files][real_fd]", .real_time = true) {
  const temporary_folder folder;
  file out = co_await net::create_file(folder / "a");
  co_await out.write_all("one ");
  co_await out.write_all("two");
  co_await out.shut_down_write();
  const auto late = co_await out.write_all("three").result();
  CHECK(late.error() == errc::closed);
  CHECK(out.position() == 7);

  file in = co_await open_file(folder / "a");
  in.seek(4);
  {
    const buffer_lease chunk = co_await in.read_some();
    CHECK(text_of(chunk) == "two");
  }
  for (int times = 0; times < 2; ++times) {
    const buffer_lease end = co_await in.read_some();
    CHECK(!end);
  }
  // What is added later is read then: the end of a file is not for ever.
  file more = co_await open_file(folder / "a", {.read = false, .append = true});
  co_await more.write_all("!");
  const buffer_lease added = co_await in.read_some();
  CHECK(text_of(added) == "!");
}

TEST_CASE("a file conforms as a source", "[files][real_fd]") {
  testing::run([]() -> task<> {
    const temporary_folder folder;
    unsigned number = 0;
    const auto make = [&](std::span<const std::byte> content) -> task<file> {
      const std::string path = folder / std::to_string(number++);
      store(path, std::string(text_of(content)));
      file f = co_await open_file(path);
      co_return f;
    };
    co_await testing::check_source(std::cref(make));
  });
}

TASK_TEST_WITH("a copy takes files", "[files][real_fd]", .real_time = true) {
  const temporary_folder folder;
  std::string text(300'000, 'x');
  for (std::size_t i = 0; i < text.size(); i += 7) text[i] = static_cast<char>('a' + i % 26);
  store(folder / "from", text);
  file from = co_await open_file(folder / "from");
  file to = co_await net::create_file(folder / "to");
  auto outcome = co_await net::copy(from, to);
  CHECK(outcome.value() == text.size());
  CHECK(stored(folder / "to") == text);
}

TASK_TEST_WITH("many reads of one file are under way at once", "[files][real_fd]", .real_time = true) {
  const temporary_folder folder;
  std::string text;
  for (unsigned i = 0; i < 16 * 4096; ++i) text += static_cast<char>('a' + (i / 4096));
  store(folder / "a", text);
  file f = co_await open_file(folder / "a");
  unsigned right = 0;
  co_await with_nursery([&](nursery& n) -> task<> {
    for (unsigned page = 0; page < 16; ++page) {
      n.start([&f, &right, page]() -> task<> {
        std::array<std::byte, 4096> into{};
        const std::size_t count = co_await f.read_at(std::uint64_t{page} * 4096, into);
        right += count == 4096 && into[0] == std::byte('a' + page) && into[4095] == into[0] ? 1 : 0;
      });
    }
    co_return;
  });
  CHECK(right == 16);
}

TASK_TEST_WITH("what cannot be opened is named, with the reason", "[files][real_fd]", .real_time = true) {
  const temporary_folder folder;
  const auto missing = co_await complaint([&] { return open_file(folder / "missing"); });
  CHECK_THAT(missing, ContainsSubstring("open " + folder / "missing") && ContainsSubstring("No such file"));
  const auto place = co_await complaint([&] { return open_file("/tmp"); });
  CHECK_THAT(place, ContainsSubstring("/tmp: Is a directory"));
  store(folder / "there", "");
  net::file_options only_new = both_ways;
  only_new.exclusive = true;
  const auto there = co_await complaint([&] { return open_file(folder / "there", only_new); });
  CHECK_THAT(there, ContainsSubstring("File exists"));
  const auto neither = co_await complaint([&] { return open_file(folder / "there", {.read = false}); });
  CHECK_THAT(neither, ContainsSubstring("neither to read nor to write"));
  const auto device = co_await complaint([&] { return open_file("/dev/null"); });
  CHECK_THAT(device, ContainsSubstring("no regular file"));
  // Without anybody at its other end.
  REQUIRE(::mkfifo((folder / "fifo").c_str(), 0600) == 0);
  const auto fifo = co_await complaint([&] { return open_file(folder / "fifo"); });
  CHECK_THAT(fifo, ContainsSubstring("no regular file"));
  std::filesystem::create_symlink(folder / "there", folder / "link");
  const auto link = co_await complaint([&] { return open_file(folder / "link", {.follow_links = false}); });
  CHECK_THAT(link, ContainsSubstring("symbolic links"));
  const auto closed = co_await file(co_await open_file(folder / "there")).read_some().result();
  CHECK(closed.value().empty());
}

TASK_TEST_WITH("a fault names the file", "[files][real_fd]", .real_time = true) {
  const temporary_folder folder;
  store(folder / "a", "text");
  file f = co_await open_file(folder / "a");
  const auto refused = co_await f.write_at(0, "x").result();
  CHECK_THAT(refused.error().message(), ContainsSubstring("write to \"a\": Bad file descriptor"));
  try {
    co_await f.write_all("x");
    FAIL("it was opened to be read");
  } catch (const io_error& e) {
    CHECK_THAT(e.what(), ContainsSubstring("write to " + folder / "a"));
  }
  co_await f.close();
  const auto closed = co_await f.read_some().result();
  CHECK(closed.error() == errc::closed);
}

TASK_TEST_WITH("a limit on files leaves what was written, and tears the sequence", "[files][real_fd]",
               .real_time = true) {
  const temporary_folder folder;
  file f = co_await net::create_file(folder / "a");
  ::rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
  const auto ignored = std::signal(SIGXFSZ, SIG_IGN);
  const ::rlimit small{.rlim_cur = 10'000, .rlim_max = before.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
  const std::string text(30'000, 'x');
  const auto full = co_await f.write_all(text).result();
  const auto after = co_await f.write_all("more").result();
  const auto end = co_await f.shut_down_write().result();
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &before) == 0);
  std::signal(SIGXFSZ, ignored);
  CHECK(full.error() == std::errc::file_too_large);
  CHECK(after.error() == errc::write_torn);
  CHECK(end.error() == errc::write_torn);
  CHECK(stored(folder / "a") == text.substr(0, 10'000));
}

TEST_CASE("operations on files can be cancelled wherever they wait", "[files][real_fd]") {
  const temporary_folder folder;
  store(folder / "a", "some text");
  const std::size_t points = testing::cancel_everywhere(
      [&]() -> task<> {
        file f = co_await open_file(folder / "a", both_ways);
        const net::file_status status = co_await f.status();
        const buffer_lease chunk = co_await f.read_some();
        co_await f.write_at(status.size, chunk);
        co_await f.sync();
        co_await f.truncate(9);
        co_await f.close();
      },
      {.real_time = true});
  CHECK(points >= 4);
}
