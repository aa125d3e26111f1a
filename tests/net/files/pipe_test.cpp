// SPDX-License-Identifier: MIT
#include <array>
#include <csignal>
#include <cstddef>
#include <fcntl.h>
#include <pty.h>
#include <span>
#include <string>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <wring/core/error.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/run.hpp>
#include <wring/core/sleep.hpp>
#include <wring/core/testing/cancel_everywhere.hpp>
#include <wring/core/testing/run.hpp>
#include <wring/core/testing/task_test.hpp>
#include <wring/core/this_task.hpp>
#include <wring/core/timeout.hpp>
#include <wring/net/byte_sink.hpp>
#include <wring/net/byte_source.hpp>
#include <wring/net/files/pipe.hpp>
#include <wring/net/testing/sink_conformance.hpp>
#include <wring/net/testing/source_conformance.hpp>

#include "support/disposition.hpp"
#include "support/in_child.hpp"
#include "support/tcp_support.hpp"
#include "support/temporary_folder.hpp"

using namespace std::chrono_literals;
using namespace wring;
using namespace wring::tests;
using Catch::Matchers::ContainsSubstring;
using net::descriptor;
using net::make_pipe;
using net::pipe_reader;
using net::pipe_writer;

static_assert(net::byte_source<pipe_reader> && net::byte_sink<pipe_writer>);

namespace {

/// Two descriptors of somebody else, blocking: what is written to the second is read from the first.
struct foreign_ends {
  descriptor to_read;
  descriptor to_write;
};

foreign_ends foreign_pipe() {
  std::array<int, 2> ends{};
  REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
  return {descriptor(ends[0]), descriptor(ends[1])};
}

foreign_ends foreign_sockets() {
  std::array<int, 2> ends{};
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0);
  return {descriptor(ends[0]), descriptor(ends[1])};
}

bool blocks(const descriptor& fd) { return (::fcntl(fd.get(), F_GETFL) & O_NONBLOCK) == 0; }

task<std::string> read_all(pipe_reader& from) {
  std::string all;
  for (;;) {
    const buffer_lease chunk = co_await from.read_some();
    if (!chunk) break;
    all += text_of(chunk);
  }
  co_return all;
}

}  // namespace

TEST_CASE("pipes conform as sources and sinks", "[pipes][real_fd]") {
  const without_sigpipe here;
  testing::run([]() -> task<> {
    const auto source = [](std::span<const std::byte> content) -> task<pipe_reader> {
      auto ends = make_pipe();
      co_await ends.second.write_all(content);
      co_return std::move(ends.first);
    };
    co_await testing::check_source(std::cref(source));
    const auto sink = [] {
      auto ends = make_pipe();
      return std::pair(std::move(ends.second), std::move(ends.first));
    };
    co_await testing::check_sink(sink);
  });
}

TEST_CASE("what others have opened conforms too, and stays in its mode", "[pipes][real_fd]") {
  const without_sigpipe here;
  testing::run([]() -> task<> {
    for (const auto& make : {foreign_pipe, foreign_sockets}) {
      const auto source = [&](std::span<const std::byte> content) -> task<pipe_reader> {
        const foreign_ends ends = make();
        pipe_writer to = pipe_writer::of(ends.to_write.get());
        co_await to.write_all(content);
        pipe_reader from = pipe_reader::of(ends.to_read.get());
        CHECK((blocks(ends.to_read) && blocks(ends.to_write)));
        co_return std::move(from);
      };
      co_await testing::check_source(std::cref(source));
      const auto sink = [&] {
        const foreign_ends ends = make();
        return std::pair(pipe_writer::of(ends.to_write.get()), pipe_reader::of(ends.to_read.get()));
      };
      co_await testing::check_sink(sink);
    }
  });
}

TASK_TEST_WITH("a reader waits, and the mode of what is not its own stays", "[pipes][real_fd]", .real_time = true) {
  for (const auto& make : {foreign_pipe, foreign_sockets}) {
    const foreign_ends ends = make();
    pipe_reader from = pipe_reader::of(ends.to_read.get(), "somebody");
    std::string got;
    bool blocked = false;
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> {
        std::array<std::byte, 100> into{};
        const std::size_t count = co_await from.read(into);
        got = text_of(std::span(into).first(count));
      });
      for (int turns = 0; turns < 5; ++turns) co_await yield();
      blocked = blocks(ends.to_read);
      REQUIRE(::write(ends.to_write.get(), "hello", 5) == 5);
    });
    CHECK(got == "hello");
    CHECK(blocked);
    co_await from.close();
    CHECK(::fcntl(ends.to_read.get(), F_GETFD) >= 0);
  }
}

TASK_TEST_WITH("what cannot be opened again is read and written all the same", "[pipes][real_fd]", .real_time = true) {
  const descriptor counter(::eventfd(0, EFD_CLOEXEC));
  pipe_reader from = pipe_reader::of(counter.get());
  pipe_writer to = pipe_writer::of(counter.get());
  const auto none = co_await with_timeout(1ms, from.read_some()).result();
  CHECK(none.error() == errc::timed_out);
  const std::uint64_t seven = 7;
  std::array<std::byte, 8> into{};
  co_await with_nursery([&](nursery& n) -> task<> {
    n.start([&]() -> task<> { co_await to.write_all(std::as_bytes(std::span(&seven, 1))); });
    const std::size_t count = co_await from.read(into);
    CHECK(count == 8);
  });
  CHECK(into[0] == std::byte(7));
  CHECK(blocks(counter));
}

TASK_TEST_WITH("a file is read and written at the position that all share", "[pipes][real_fd]", .real_time = true) {
  const temporary_folder folder;
  const descriptor fd(::open((folder / "a").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  pipe_writer to = pipe_writer::of(fd.get());
  co_await to.write_all("one ");
  REQUIRE(::write(fd.get(), "two ", 4) == 4);
  co_await to.write_all("three");
  co_await to.shut_down_write();
  const auto late = co_await to.write_all("four").result();
  CHECK(late.error() == errc::closed);
  CHECK(::lseek(fd.get(), 0, SEEK_CUR) == 13);
  ::lseek(fd.get(), 4, SEEK_SET);
  pipe_reader from = pipe_reader::of(fd.get());
  const std::string rest = co_await read_all(from);
  CHECK(rest == "two three");
}

TASK_TEST_WITH("a terminal is read by lines, and ends when it is hung up", "[pipes][real_fd]", .real_time = true) {
  int ours = -1;
  int theirs = -1;
  REQUIRE(::openpty(&ours, &theirs, nullptr, nullptr, nullptr) == 0);
  const descriptor near(ours);
  descriptor far(theirs);
  pipe_reader from = pipe_reader::of(far.get(), "terminal");
  pipe_writer to = pipe_writer::of(far.get(), "terminal");
  REQUIRE(::write(near.get(), "a line\n", 7) == 7);
  const buffer_lease line = co_await from.read_some();
  CHECK(text_of(line) == "a line\n");
  co_await to.write_all("answer\n");
  CHECK(blocks(far));
  REQUIRE(::write(near.get(), "\x04", 1) == 1);
  const buffer_lease end = co_await from.read_some();
  CHECK(!end);
}

TASK_TEST_WITH("writes queue, and a gathered one is whole", "[pipes][real_fd]", .real_time = true) {
  auto [from, to] = make_pipe();
  const std::string much(200'000, 'a');
  std::string all;
  co_await with_nursery([&](nursery& n) -> task<> {
    n.start([&]() -> task<> { co_await to.write_all(much); });
    n.start([&]() -> task<> {
      const std::array<std::span<const std::byte>, 3> parts{
          std::as_bytes(std::span("b", 1)), {}, std::as_bytes(std::span("cd", 2))};
      co_await to.write_all(parts);
    });
    n.start([&]() -> task<> { co_await to.shut_down_write(); });
    all = co_await read_all(from);
  });
  CHECK(all == much + "bcd");
}

TASK_TEST_WITH("the other end goes", "[pipes][real_fd]", .real_time = true) {
  const without_sigpipe here;
  auto ends = make_pipe();
  co_await ends.second.write_all("half a ");
  ends.second = pipe_writer();
  const std::string half = co_await read_all(ends.first);
  CHECK(half == "half a ");

  auto [from, to] = make_pipe();
  co_await from.close();
  const auto broken = co_await to.write_all("x").result();
  CHECK(broken.error() == std::errc::broken_pipe);
  CHECK_THAT(broken.error().message(), ContainsSubstring("write to \"pipe\": Broken pipe"));
}

TASK_TEST_WITH("a device that is full says so, and nothing follows half a write", "[pipes][real_fd]",
               .real_time = true) {
  const descriptor full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  pipe_writer to = pipe_writer::of(full.get(), "full");
  const auto refused = co_await to.write_all("x").result();
  CHECK(refused.error() == std::errc::no_space_on_device);
  CHECK_THAT(refused.error().message(), ContainsSubstring("write to \"full\""));

  const without_sigpipe here;
  auto [from, half] = make_pipe();
  const std::string much(200'000, 'a');
  const auto cut = co_await with_timeout(1ms, half.write_all(much)).result();
  CHECK(cut.error() == errc::timed_out);
  const auto torn = co_await half.write_all("x").result();
  CHECK(torn.error() == errc::write_torn);
  co_await half.close();
  const std::string begun = co_await read_all(from);
  CHECK(begun == much.substr(0, begun.size()));
}

TASK_TEST_WITH("one task reads at a time, and a closed pipe says so", "[pipes][real_fd]", .real_time = true) {
  auto [from, to] = make_pipe();
  co_await with_nursery([&](nursery& n) -> task<> {
    n.start([&]() -> task<> {
      const auto closed = co_await from.read_some().result();
      CHECK(closed.error() == errc::closed);
    });
    co_await yield();
    const auto busy = co_await from.read_some().result();
    CHECK(busy.error() == errc::busy);
    CHECK_THROWS_AS(from.release(), io_error);
    co_await from.close();
    co_await from.close();
  });
  CHECK(from.native_handle() == -1);
  const auto after = co_await from.read_some().result();
  CHECK(after.error() == errc::closed);
  pipe_writer none;
  const auto nothing = co_await none.write_all("x").result();
  CHECK(nothing.error() == errc::closed);
  CHECK_THROWS_AS(pipe_reader::of(-1), io_error);
}

TASK_TEST_WITH("a released end blocks, as other programs expect", "[pipes][real_fd]", .real_time = true) {
  auto [from, to] = make_pipe();
  CHECK((::fcntl(from.native_handle(), F_GETFL) & O_NONBLOCK) != 0);
  const descriptor given = from.release();
  CHECK(blocks(given));
  CHECK(!from.is_open());
  CHECK_THROWS_AS(from.release(), io_error);
  co_return;
}

TEST_CASE("pipes can be cancelled wherever they wait", "[pipes][real_fd]") {
  const without_sigpipe here;
  const std::size_t points = testing::cancel_everywhere(
      []() -> task<> {
        auto [from, to] = make_pipe();
        co_await with_nursery([&](nursery& n) -> task<> {
          const std::string much(200'000, 'a');
          n.start([&]() -> task<> { static_cast<void>(co_await read_all(from)); });
          co_await yield();
          co_await to.write_all(much);
          co_await to.shut_down_write();
        });
        co_await from.close();
      },
      {.real_time = true});
  CHECK(points >= 4);
}

TEST_CASE("the standard streams of a process", "[pipes][real_fd]") {
  const auto end = in_child([] {
    std::array<int, 2> in{};
    std::array<int, 2> out{};
    if (::pipe(in.data()) != 0 || ::pipe(out.data()) != 0) throw std::runtime_error("pipe");
    if (::write(in[1], "typed", 5) != 5) throw std::runtime_error("write");
    ::close(in[1]);
    ::dup2(in[0], STDIN_FILENO);
    ::close(in[0]);
    ::dup2(out[1], STDOUT_FILENO);
    const int code = run([&]() -> task<> {
      pipe_reader typed = net::standard_input();
      const std::string text = co_await read_all(typed);
      pipe_writer shown = net::standard_output();
      co_await shown.write_all(text);
      std::array<char, 5> seen{};
      if (::read(out[0], seen.data(), seen.size()) != 5) throw std::runtime_error("read");
      pipe_writer errors = net::standard_error();
      co_await errors.write_all("seen: " + std::string(seen.data(), seen.size()));
      co_await errors.close();
      if (::fcntl(STDERR_FILENO, F_GETFD) < 0) throw std::runtime_error("closed");
    });
    if (code != 0) throw std::runtime_error("failed");
  });
  CHECK(end.clean);
  CHECK_THAT(end.report, ContainsSubstring("seen: typed"));
}
