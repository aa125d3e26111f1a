// SPDX-License-Identifier: MIT
#include <chrono>
#include <fcntl.h>
#include <functional>
#include <memory>
#include <string>
#include <unistd.h>
#include <utility>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/detail/scheduling/frame_recycler.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/scheduler.hpp>
#include <wring/core/sleep.hpp>
#include <wring/core/testing/leak_check.hpp>
#include <wring/core/testing/run.hpp>
#include <wring/core/this_task.hpp>

#include "support/mailbox_engine.hpp"

using namespace std::chrono_literals;
using wring::task;
using wring::testing::leak_check;

TEST_CASE("where nothing leaks there is nothing to say", "[leak_check]") {
  const leak_check leaks;
  wring::testing::run([]() -> task<> {
    const leak_check inside;
    co_await wring::sleep_for(1ms);
    CHECK(inside.check() == "");
  });
  CHECK(leaks.check() == "");
}

TEST_CASE("descriptors are named", "[leak_check]") {
  const int early = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  const leak_check leaks;
  const int one = ::open("/dev/zero", O_RDONLY | O_CLOEXEC);
  CHECK(leaks.check() == "1 descriptor: " + std::to_string(one) + " (/dev/zero)");
  const int two = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  CHECK(leaks.check() ==
        "2 descriptors: " + std::to_string(one) + " (/dev/zero), " + std::to_string(two) + " (/dev/null)");
  ::close(one);
  ::close(two);
  CHECK(leaks.check() == "");
  // One that took the number of another is seen.
  ::close(early);
  const int other = ::open("/dev/zero", O_RDONLY | O_CLOEXEC);
  REQUIRE(other == early);
  CHECK(leaks.check() == "1 descriptor: " + std::to_string(other) + " (/dev/zero)");
  ::close(other);
}

TEST_CASE("descriptors are those of the scheduler's engine", "[leak_check]") {
  const leak_check outside;
  auto made = std::make_unique<wring::tests::mailbox_engine>();
  wring::tests::mailbox_engine& engine = *made;
  wring::scheduler s(std::move(made));
  const leak_check leaks;
  CHECK(leaks.check() == "");
  const int fd = engine.open_descriptor();
  CHECK(leaks.check() == "1 descriptor: " + std::to_string(fd) + " (mailbox)");
  // The process's are none of it, and it is none of theirs.
  const int other = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  CHECK(leaks.check() == "1 descriptor: " + std::to_string(fd) + " (mailbox)");
  CHECK(outside.check().find("descriptor") == std::string::npos);
  ::close(other);
  engine.close_descriptor(fd);
  CHECK(leaks.check() == "");
}

TEST_CASE("frames are counted", "[leak_check]") {
  const leak_check leaks;
  void* const block = wring::detail::frame_recycler::allocate(100);
  CHECK(leaks.check() == "1 frame");
  wring::detail::frame_recycler::deallocate(block, 100);
  CHECK(leaks.check() == "");
}

TEST_CASE("tasks, their frames and their timers are counted", "[leak_check]") {
  wring::testing::run([]() -> task<> {
    auto sleep = []() -> task<> { co_await wring::sleep_for(1h); };
    auto body = [&](wring::nursery& n) -> task<> {
      const leak_check leaks;
      n.start(std::ref(sleep));
      n.start(std::ref(sleep));
      co_await wring::yield();
      CHECK(leaks.check() == "4 frames; 2 armed timers; 2 tasks");
      n.cancel();
    };
    co_await wring::with_nursery(std::ref(body));
  });
}

TEST_CASE("leased buffers and operations in flight are counted", "[leak_check]") {
  wring::testing::run([]() -> task<> {
    const leak_check leaks;
    wring::engine& engine = wring::scheduler::current().engine();
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    const leak_check before;
    {
      std::byte byte{};
      wring::operation read;
      read.code = wring::op_code::read;
      read.fd = ends[0];
      read.data = &byte;
      read.length = 1;
      read.offset = static_cast<std::uint64_t>(-1);
      read.on_completion = [](wring::operation&, wring::completion) noexcept {};
      engine.submit(read);
      CHECK(before.check() == "1 operation in flight");
      REQUIRE(::write(ends[1], "x", 1) == 1);
      while (read.active()) co_await wring::yield();
    }
    CHECK(before.check() == "");
    ::close(ends[0]);
    ::close(ends[1]);
    CHECK(leaks.check() == "");
  });
}
