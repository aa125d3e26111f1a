// SPDX-License-Identifier: MIT
#include <array>
#include <cerrno>
#include <chrono>
#include <fcntl.h>
#include <poll.h>
#include <string>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <wring/config.hpp>
#include <wring/core/cancel_scope.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/readiness.hpp>
#include <wring/core/scheduler.hpp>
#include <wring/core/sleep.hpp>
#include <wring/core/testing/cancel_everywhere.hpp>
#include <wring/core/testing/run.hpp>
#include <wring/core/this_task.hpp>
#include <wring/core/timeout.hpp>

#include "support/allocation_count.hpp"

using namespace std::chrono_literals;
using wring::nursery;
using wring::task;

namespace {

/// Both ends of a socket pair, non-blocking.
struct socket_pair {
  socket_pair() { REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) == 0); }
  ~socket_pair() {
    close(0);
    close(1);
  }
  socket_pair(const socket_pair&) = delete;
  socket_pair& operator=(const socket_pair&) = delete;
  void close(std::size_t end) {
    if (ends[end] >= 0) ::close(std::exchange(ends[end], -1));
  }
  void put(std::size_t end, char byte = 'x') const { REQUIRE(::write(ends[end], &byte, 1) == 1); }
  char take(std::size_t end) const {
    char byte = 0;
    REQUIRE(::read(ends[end], &byte, 1) == 1);
    return byte;
  }
  void fill(std::size_t end) const {
    const std::string chunk(4096, 'x');
    while (::write(ends[end], chunk.data(), chunk.size()) > 0) {
    }
  }
  void empty(std::size_t end) const {
    std::string chunk(4096, 'x');
    while (::read(ends[end], chunk.data(), chunk.size()) > 0) {
    }
  }
  std::array<int, 2> ends{-1, -1};
};

}  // namespace

TEST_CASE("readable waits until there is something to read", "[readiness][real_fd]") {
  wring::testing::run([]() -> task<> {
    socket_pair s;
    bool done = false;
    co_await wring::with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> {
        const unsigned events = co_await wring::readable(s.ends[0]);
        CHECK((events & POLLIN) != 0);
        CHECK((events & POLLOUT) == 0);
        done = true;
      });
      co_await wring::sleep_for(1ms);
      CHECK_FALSE(done);
      s.put(1);
    });
    const unsigned at_once = co_await wring::readable(s.ends[0]);
    CHECK((at_once & POLLIN) != 0);
    CHECK(s.take(0) == 'x');
  });
}

TEST_CASE("readable ends when the peer closes", "[readiness][real_fd]") {
  wring::testing::run([]() -> task<> {
    socket_pair s;
    co_await wring::with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> {
        const unsigned events = co_await wring::readable(s.ends[0]);
        CHECK((events & POLLHUP) != 0);
      });
      co_await wring::yield();
      s.close(1);
    });
  });
}

TEST_CASE("writable waits until there is room", "[readiness][real_fd]") {
  wring::testing::run([]() -> task<> {
    socket_pair s;
    const unsigned at_once = co_await wring::writable(s.ends[0]);
    CHECK((at_once & POLLOUT) != 0);
    s.fill(0);
    bool done = false;
    co_await wring::with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> {
        const unsigned events = co_await wring::writable(s.ends[0]);
        CHECK((events & POLLOUT) != 0);
        done = true;
      });
      co_await wring::sleep_for(1ms);
      CHECK_FALSE(done);
      s.empty(1);
    });
  });
}

TEST_CASE("several tasks can wait for one descriptor", "[readiness][real_fd]") {
  int done = 0;
  wring::testing::run([&]() -> task<> {
    socket_pair s;
    co_await wring::with_nursery([&](nursery& n) -> task<> {
      for (int i = 0; i != 3; ++i) {
        n.start([&]() -> task<> {
          co_await wring::readable(s.ends[0]);
          ++done;
        });
      }
      co_await wring::sleep_for(1ms);
      s.put(1);
    });
  });
  CHECK(done == 3);
}

TEST_CASE("what cannot be waited for is an error", "[readiness][real_fd]") {
  wring::testing::run([]() -> task<> {
    CHECK_THROWS_AS(co_await wring::readable(-1), wring::io_error);
    const int closed = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    ::close(closed);
    auto r = co_await wring::writable(closed).result();
    REQUIRE_FALSE(r);
    CHECK(r.error() == std::errc::bad_file_descriptor);
    CHECK_THAT(r.error().message(),
               Catch::Matchers::StartsWith("wait until writable \"descriptor " + std::to_string(closed) + "\": Bad"));
  });
}

TEST_CASE("a cancelled wait for readiness ends, and leaves nothing in flight", "[readiness][real_fd]") {
  wring::testing::run([]() -> task<> {
    socket_pair s;
    const auto in_time = co_await wring::move_on_after(1ms, wring::readable(s.ends[0]));
    CHECK_FALSE(in_time);
    CHECK(wring::scheduler::current().stats().operations == 0);
    auto late = co_await wring::with_timeout(1ms, wring::readable(s.ends[0])).result();
    REQUIRE_FALSE(late);
    CHECK(late.error() == wring::errc::timed_out);
    CHECK_THAT(late.error().message(), Catch::Matchers::ContainsSubstring("wait until readable"));
    s.put(1);
    wring::cancel_scope scope;
    scope.cancel();
    const auto begun = co_await scope.run(wring::readable(s.ends[0]));
    CHECK_FALSE(begun);
    CHECK(s.take(0) == 'x');
  });
}

TEST_CASE("readiness before the cancellation is delivered, after it is not, and the data stays",
          "[readiness][real_fd]") {
  wring::testing::run([]() -> task<> {
    for (const bool ready_first : {false, true}) {
      socket_pair s;
      bool delivered = false;
      co_await wring::with_nursery([&](nursery& n) -> task<> {
        auto child = n.start([&]() -> task<> {
          co_await wring::readable(s.ends[0]);
          delivered = true;
          co_await wring::sleep_for(1h);
        });
        co_await wring::sleep_for(1ms);
        if (ready_first) {
          // This task and the child become ready in one turn, and this one, whose completion came first, goes first.
          socket_pair mine;
          n.start([&]() -> task<> {
            mine.put(1);
            s.put(1);
            co_return;
          });
          co_await wring::readable(mine.ends[0]);
        } else {
          s.put(1);
        }
        child.cancel();
      });
      CHECK(delivered == ready_first);
      CHECK(s.take(0) == 'x');
    }
  });
}

TEST_CASE("waiting for readiness allocates nothing", "[readiness][real_fd]") {
  if (!wring::tests::counts_allocations) SKIP("allocations are not counted under a sanitizer");
  // The registry of operations in flight, of builds with checks, allocates.
  if (WRING_CHECKS) SKIP("checked builds keep a registry of operations");
  wring::testing::run([]() -> task<> {
    socket_pair s;
    s.put(1);
    std::size_t before = 0;
    for (int i = 0; i != 1000; ++i) {
      if (i == 10) before = wring::tests::allocations();
      co_await wring::readable(s.ends[0]);
    }
    CHECK(wring::tests::allocations() == before);
  });
}

TEST_CASE("waits for readiness can be cancelled everywhere", "[readiness][real_fd]") {
  wring::testing::cancel_everywhere_options options;
  options.real_time = true;
  const auto points = wring::testing::cancel_everywhere(
      []() -> task<> {
        socket_pair s;
        co_await wring::with_nursery([&](nursery& n) -> task<> {
          n.start([&]() -> task<> {
            for (int i = 0; i != 3; ++i) {
              co_await wring::readable(s.ends[0]);
              s.take(0);
              s.put(0);
            }
          });
          for (int i = 0; i != 3; ++i) {
            co_await wring::writable(s.ends[1]);
            s.put(1);
            co_await wring::readable(s.ends[1]);
            s.take(1);
          }
        });
      },
      options);
  CHECK(points > 5);
}
