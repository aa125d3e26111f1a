// SPDX-License-Identifier: MIT
#include <array>
#include <filesystem>
#include <fstream>
#include <limits>
#include <poll.h>
#include <random>
#include <thread>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <wring/core/cancel_scope.hpp>
#include <wring/core/testing/leak_check.hpp>
#include <wring/net/detail/socket_write_wait.hpp>

#include "support/tcp_support.hpp"

namespace {

using namespace wring;
using namespace wring::tests;
using testing::leak_check;

/// A connection that takes few bytes at a time.
connection make_narrow_connection() { return make_connection(1000); }

/// Makes the socket's buffer full; returns what is in there.
std::string fill(net::tcp_stream& stream) {
  const std::string text = pattern(5'000'000);
  std::size_t sent = 0;
  ssize_t n = 0;
  // As long as acknowledgements may be delayed, room may come.
  for (int quiet = 0; quiet < 60; ++quiet) {
    while ((n = ::send(stream.native_handle(), text.data() + sent, text.size() - sent, MSG_DONTWAIT)) > 0) {
      sent += static_cast<std::size_t>(n);
      quiet = 0;
    }
    ::usleep(1000);
  }
  return text.substr(0, sent);
}

/// Reads everything there is to read, slowly and in small pieces, in a thread.
class slow_reader {
 public:
  slow_reader(int fd, std::uint32_t seed) : fd_(fd), thread_([this, seed] { read(seed); }) {}
  slow_reader(const slow_reader&) = delete;
  slow_reader& operator=(const slow_reader&) = delete;
  ~slow_reader() {
    if (!thread_.joinable()) return;
    ::shutdown(fd_, SHUT_RDWR);
    thread_.join();
  }

  /// What came, once the other side has ended.
  const std::string& join() {
    thread_.join();
    return all_;
  }

 private:
  void read(std::uint32_t seed) {
    std::minstd_rand random(seed);
    std::vector<char> chunk(20'000);
    ssize_t n = 0;
    while ((n = ::recv(fd_, chunk.data(), 1 + random() % chunk.size(), 0)) > 0) {
      all_.append(chunk.data(), static_cast<std::size_t>(n));
      if (random() % 16 == 0) std::this_thread::sleep_for(std::chrono::microseconds(random() % 200));
    }
  }

  int fd_;
  std::string all_;
  std::thread thread_;
};

/// Runs `fn` where each first attempt is a system call of its own, and where it is batched with others.
template <class Fn>
void run_both_ways(Fn fn) {
  for (const unsigned batch_sends_from : {std::numeric_limits<unsigned>::max(), 0U}) {
    CAPTURE(batch_sends_from);
    run_net(fn, {.batch_sends_from = batch_sends_from});
  }
}

/// The runs of equal bytes in a text.
std::vector<std::pair<char, std::size_t>> runs_of(std::string_view text) {
  std::vector<std::pair<char, std::size_t>> runs;
  for (const char c : text) {
    if (runs.empty() || runs.back().first != c) runs.emplace_back(c, 0);
    ++runs.back().second;
  }
  return runs;
}

TEST_CASE("concurrent writers never interleave, and are served in order", "[tcp][threads]") {
  const std::size_t writers = GENERATE(2U, 10U);
  const bool gathered = GENERATE(false, true);
  run_both_ways([&]() -> task<> {
    connection c = make_narrow_connection();
    slow_reader reader(c.peer.get(), static_cast<std::uint32_t>(writers));
    std::vector<std::pair<char, std::size_t>> expected;
    const auto writing = [&](char letter, std::size_t size) -> task<> {
      const std::string text(size, letter);
      if (gathered) {
        std::vector<std::span<const std::byte>> parts;
        const auto bytes = std::as_bytes(std::span(text));
        for (std::size_t at = 0; at < size; at += 777) {
          parts.push_back(bytes.subspan(at, std::min<std::size_t>(777, size - at)));
        }
        co_await c.stream.write_all(parts);
      } else {
        co_await c.stream.write_all(text);
      }
    };
    co_await with_nursery([&](nursery& n) -> task<> {
      for (std::size_t i = 0; i < writers; ++i) {
        const auto letter = static_cast<char>('a' + i);
        const std::size_t size = i % 3 == 2 ? 1 : 100'000 + i;
        expected.emplace_back(letter, size);
        n.start(writing, letter, size);
      }
      co_return;
    });
    co_await c.stream.shut_down_write();
    REQUIRE(runs_of(reader.join()) == expected);
  });
}

TEST_CASE("a write after others that wait does not overtake them, though there is room", "[tcp]") {
  run_both_ways([]() -> task<> {
    connection c = make_narrow_connection();
    const std::string filler = fill(c.stream);
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> { co_await c.stream.write_all("first,"); });
      n.start([&]() -> task<> { co_await c.stream.write_all("second,"); });
      co_await a_moment();
      const std::string before = co_await c.peer.receive(filler.size());  // makes room; their turn comes later
      REQUIRE(before.size() >= filler.size());
      co_await c.stream.write_all("third");
      const std::string after =
          before.substr(filler.size()) + co_await c.peer.receive(18 - (before.size() - filler.size()));
      REQUIRE(after == "first,second,third");
    });
  });
}

TEST_CASE("shut_down_write comes after the writes before it", "[tcp][threads]") {
  run_both_ways([]() -> task<> {
    connection c = make_narrow_connection();
    const std::string text = pattern(300'000);
    slow_reader reader(c.peer.get(), 5);
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> { co_await c.stream.write_all(text); });
      for (int i = 0; i < 2; ++i) n.start([&]() -> task<> { co_await c.stream.shut_down_write(); });
      n.start([&]() -> task<> {
        const auto refused = co_await c.stream.write_all("too late").result();
        REQUIRE(refused.error() == errc::closed);
      });
      co_return;
    });
    REQUIRE(first_difference(reader.join(), text) == std::string::npos);
  });
}

TEST_CASE("a write cancelled half way tears the stream: later writes fail, reads go on", "[tcp]") {
  const bool gathered = GENERATE(false, true);
  run_both_ways([&]() -> task<> {
    connection c = make_narrow_connection();
    const std::string text = pattern(5'000'000);
    const auto bytes = std::as_bytes(std::span(text));
    const std::array<std::span<const std::byte>, 3> parts{bytes.first(100), bytes.subspan(100, 2'000'000),
                                                          bytes.subspan(2'000'100)};
    const auto whole = [&]() -> task<> {
      if (gathered) {
        co_await c.stream.write_all(parts);
      } else {
        co_await c.stream.write_all(text);
      }
    };
    std::vector<std::string> waiting;
    co_await with_nursery([&](nursery& n) -> task<> {
      cancel_scope scope;
      n.start([&]() -> task<> {
        const bool finished = co_await scope.run(whole);
        REQUIRE(!finished);
      });
      n.start([&]() -> task<> {  // queued when it happens
        const auto outcome = co_await c.stream.write_all("behind").result();
        waiting.push_back(outcome.error().message());
      });
      co_await a_moment();
      scope.cancel();
      co_await a_moment();
    });
    const auto torn = co_await c.stream.write_all("later").result();
    REQUIRE(torn.error() == errc::write_torn);
    REQUIRE(waiting == std::vector<std::string>{torn.error().message()});
    const std::uint32_t count = torn.error().count().value();
    REQUIRE(torn.error().message() == "write to " + c.peer.address().to_string() +
                                          ": an earlier write was cancelled half way, after " + std::to_string(count) +
                                          " bytes");
    const auto shut = co_await c.stream.shut_down_write().result();
    REQUIRE(shut.error() == errc::write_torn);
    c.peer.send("still heard");
    const buffer_lease chunk = co_await c.stream.read_some();
    REQUIRE(text_of(chunk) == "still heard");
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> {
        const std::string got = co_await c.peer.receive_all();
        REQUIRE(got.size() == count);
        REQUIRE(first_difference(got, std::string_view(text).substr(0, count)) == std::string::npos);
      });
      co_await c.stream.close();
    });
  });
}

TEST_CASE("a write cancelled before its first byte leaves the stream as it was", "[tcp]") {
  const bool queued = GENERATE(false, true);
  run_both_ways([&]() -> task<> {
    connection c = make_narrow_connection();
    std::string expected = fill(c.stream);
    std::string got;
    co_await with_nursery([&](nursery& n) -> task<> {
      if (queued) {
        n.start([&]() -> task<> { co_await c.stream.write_all("first,"); });
        expected += "first,";
        co_await a_moment();
      }
      const bool written = co_await move_on_after(5ms, c.stream.write_all("dropped"));
      REQUIRE(!written);
      n.start([&]() -> task<> { co_await c.stream.write_all("last"); });
      expected += "last";
      got = co_await c.peer.receive(expected.size());
    });
    REQUIRE(first_difference(got, expected) == std::string::npos);
  });
}

TEST_CASE("a write that is cancelled when all has been sent counts as written", "[tcp]") {
  run_both_ways([]() -> task<> {
    for (int round = 0; round < 10; ++round) {
      connection c = make_narrow_connection();
      std::string expected = fill(c.stream);
      std::string got;
      bool written = false;
      cancel_scope scope;
      co_await with_nursery([&](nursery& n) -> task<> {
        n.start([&]() -> task<> {
          const auto writing = [&]() -> task<> {
            co_await c.stream.write_all("late");
            written = true;
            co_await sleep_for(1h);  // cancelled: the next await is
          };
          static_cast<void>(co_await scope.run(writing));
        });
        co_await yield();
        // The kernel is told of the send and of its cancel in one go, and by then there is room.
        ::pollfd room{.fd = c.stream.native_handle(), .events = POLLOUT, .revents = 0};
        do got += c.peer.take();
        while (::poll(&room, 1, 1) == 0);
        scope.cancel();
      });
      REQUIRE(written);
      co_await c.stream.write_all(", and more");
      expected += "late, and more";
      got += co_await c.peer.receive(expected.size() - got.size());
      REQUIRE(first_difference(got, expected) == std::string::npos);
    }
  });
}

TEST_CASE("a write that waits for room can be cancelled, though the peer has shut down its side", "[tcp]") {
  // Where the peer has shut down its side, io_uring hands a send that waits over to a thread of the kernel's, where a
  // cancel may be lost.
  const bool gathered = GENERATE(false, true);
  const auto kernel_threads = [] {
    int count = 0;
    for (const auto& thread : std::filesystem::directory_iterator("/proc/self/task")) {
      std::string name;
      std::getline(std::ifstream(thread.path() / "comm"), name);
      if (name.starts_with("iou-wrk")) ++count;
    }
    return count;
  };
  run_both_ways([&]() -> task<> {
    for (int round = 0; round != 20; ++round) {
      connection c = make_narrow_connection();
      ::shutdown(c.peer.get(), SHUT_WR);
      const std::string text = pattern(3'000'000);
      const std::array<std::span<const std::byte>, 2> parts{std::as_bytes(std::span(text).first(1'000'000)),
                                                            std::as_bytes(std::span(text).subspan(1'000'000))};
      const auto write = [&]() -> task<> {
        if (gathered) {
          co_await c.stream.write_all(parts);
        } else {
          co_await c.stream.write_all(text);
        }
      };
      const bool written = co_await move_on_after(5ms, write);
      REQUIRE(!written);
      REQUIRE(kernel_threads() == 0);
      const auto later = co_await c.stream.write_all("more").result();
      REQUIRE(!later);
      REQUIRE(later.error() == errc::write_torn);
    }
  });
}

TEST_CASE("closing ends the writers, the one that sends and those behind it", "[tcp]") {
  run_both_ways([]() -> task<> {
    const leak_check leaks;
    {
      connection c = make_narrow_connection();
      const std::string closed = "write to " + c.peer.address().to_string() + ": closed on this side";
      const std::string text = pattern(3'000'000);
      std::vector<std::string> ends;
      co_await with_nursery([&](nursery& n) -> task<> {
        for (int i = 0; i < 3; ++i) {
          n.start([&]() -> task<> {
            const auto outcome = co_await c.stream.write_all(text).result();
            ends.push_back(outcome.error().message());
          });
        }
        co_await a_moment();
        co_await c.stream.close();
      });
      REQUIRE(ends == std::vector<std::string>(3, closed));
    }
    REQUIRE(leaks.check() == "");
  });
}

TEST_CASE("a reset by the peer ends the writers with the address, and every later write", "[tcp]") {
  run_both_ways([]() -> task<> {
    connection c = make_narrow_connection();
    const std::string peer = c.peer.address().to_string();
    const std::string text = pattern(3'000'000);
    std::vector<std::string> ends;
    co_await with_nursery([&](nursery& n) -> task<> {
      for (int i = 0; i < 2; ++i) {
        n.start([&]() -> task<> {
          const auto outcome = co_await c.stream.write_all(text).result();
          ends.push_back(outcome.error().message());
        });
      }
      co_await a_moment();
      c.peer.reset_connection();
    });
    // The kernel says ECONNRESET once, maybe to itself, and then EPIPE.
    const std::string reset = "write to " + peer + ": Connection reset by peer (errno 104)";
    const std::string broken = "write to " + peer + ": Broken pipe (errno 32)";
    REQUIRE((ends == std::vector<std::string>(2, reset) || ends == std::vector<std::string>(2, broken)));
    const auto later = co_await c.stream.write_all("x").result();
    REQUIRE(later.error().message() == ends.back());
  });
}

TEST_CASE("a cancelled write has sent all, nothing, or says how much; whatever the timing", "[tcp][threads]") {
  run_both_ways([]() -> task<> {
    const leak_check leaks;
    for (std::uint32_t seed = 1; seed <= 60; ++seed) {
      std::minstd_rand random(seed * 7919);
      std::string expected;
      {
        connection c = make_narrow_connection();
        slow_reader reader(c.peer.get(), seed);
        for (int i = 0; i < 20; ++i) {
          const std::string text = pattern(1 + random() % 60'000, expected.size());
          const auto patience = std::chrono::microseconds(random() % 400);
          const bool written = co_await move_on_after(patience, c.stream.write_all(text));
          if (written) {
            expected += text;
            continue;
          }
          const auto next = co_await c.stream.write_all("").result();
          if (!next) {
            REQUIRE(next.error() == errc::write_torn);
            const std::uint32_t count = next.error().count().value();
            REQUIRE(count < text.size());  // all of it would have been a success
            expected += text.substr(0, count);
            break;
          }
        }
        co_await c.stream.close();
        CAPTURE(seed);
        REQUIRE(first_difference(reader.join(), expected) == std::string::npos);
      }
    }
    REQUIRE(leaks.check() == "");
  });
}

}  // namespace
