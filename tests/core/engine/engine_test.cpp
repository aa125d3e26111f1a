// SPDX-License-Identifier: MIT
// What every engine does: of the one that WRING_ENGINE names.

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <fcntl.h>
#include <limits>
#include <poll.h>
#include <string>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <termios.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/config.hpp>
#include <wring/core/engine/engine.hpp>
#include <wring/core/engine/make_engine.hpp>

#include "noted_operation.hpp"
#include "support/child_process.hpp"

namespace {

using namespace wring;
using namespace wring::tests;
using testing::run_in_child;
using wring::make_engine;

constexpr std::int64_t millisecond = 1'000'000;

TEST_CASE("an operation completes once, in a turn, and never within submit", "[engine][real_fd]") {
  const auto made = make_engine({});
  engine& e = *made;
  {
    const both_ends ends = both_ends::of_socket();
    std::array<char, 8> into{};
    noted receive(op_code::receive, ends.fd[0], into.data(), into.size());
    REQUIRE(::write(ends.fd[1], "hello", 5) == 5);
    REQUIRE(!receive.active());
    e.submit(receive);
    REQUIRE(receive.results.empty());
    REQUIRE(receive.active());
    REQUIRE(e.in_flight() == 1);
    e.turn(engine::no_deadline, 256);
    REQUIRE(receive.results == std::vector<int>{5});
    REQUIRE(!receive.active());
    REQUIRE(e.in_flight() == 0);
    REQUIRE(std::string(into.data(), 5) == "hello");
    REQUIRE(e.totals().submitted == 1);
    REQUIRE(e.totals().completed == 1);
    e.submit(receive);  // the record may be used again
    REQUIRE(::write(ends.fd[1], "!", 1) == 1);
    turn_until_idle(e);
    REQUIRE(receive.results == std::vector<int>{5, 1});
  }
  e.shut_down();
}

TEST_CASE("a wait until a time in the past is none, however far in the past", "[engine]") {
  const auto made = make_engine({});
  engine& e = *made;
  for (const std::int64_t deadline : {engine::no_wait, engine::no_wait + 1, -engine::no_deadline + millisecond,
                                      std::int64_t{-1}, std::int64_t{0}, e.now() - 1, e.now()}) {
    CHECK(e.turn(deadline, 256) == 0);
  }
  e.shut_down();
}

TEST_CASE("a wait until the far future is one", "[engine][threads]") {
  const auto made = make_engine({});
  engine& e = *made;
  for (const std::int64_t deadline :
       {engine::no_deadline, engine::no_deadline - 1, engine::no_deadline - millisecond, engine::far_deadline - 1}) {
    std::atomic<bool> woken = false;
    std::thread waker([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
      woken = true;
      e.wake();
    });
    int turns = 0;
    for (; !woken; ++turns) e.turn(deadline, 256);
    CHECK(turns <= 2);  // one may be that of the last wake-up
    waker.join();
  }
  e.shut_down();
}

TEST_CASE("a cancel ends an operation with ECANCELED, or with what had happened", "[engine][real_fd]") {
  const auto made = make_engine({});
  engine& e = *made;
  {
    const both_ends ends = both_ends::of_socket();
    std::array<char, 8> into{};
    noted receive(op_code::receive, ends.fd[0], into.data(), into.size());
    e.cancel(receive);  // idle: ignored
    e.submit(receive);
    e.turn(engine::no_wait, 256);
    e.cancel(receive);
    e.cancel(receive);
    turn_until_idle(e);
    REQUIRE(receive.results == std::vector<int>{-ECANCELED});
    REQUIRE(receive.ended == 1);
    // Cancelled before the kernel has seen it.
    e.submit(receive);
    e.cancel(receive);
    turn_until_idle(e);
    REQUIRE(receive.results == std::vector<int>{-ECANCELED, -ECANCELED});
    // Too late.
    REQUIRE(::write(ends.fd[1], "late", 4) == 4);
    e.submit(receive);
    e.cancel(receive);
    turn_until_idle(e);
    REQUIRE(receive.results.size() == 3);
    REQUIRE(receive.results[2] == 4);
    // The cancel was for that operation; the next one with the same record is another.
    e.submit(receive);
    e.turn(engine::no_wait, 256);
    e.turn(engine::no_wait, 256);
    REQUIRE(receive.results.size() == 3);
    REQUIRE(::write(ends.fd[1], "next", 4) == 4);
    turn_until_idle(e);
    REQUIRE(receive.results[3] == 4);
  }
  e.shut_down();
}

TEST_CASE("a poll ends with what was asked for, and not because the peer has shut down its side", "[engine][real_fd]") {
  const auto made = make_engine({});
  engine& e = *made;
  {
    const both_ends ends = both_ends::of_socket();
    const std::array<char, 4096> junk{};
    while (::send(ends.fd[0], junk.data(), junk.size(), MSG_DONTWAIT) > 0) {
    }
    REQUIRE(::shutdown(ends.fd[1], SHUT_WR) == 0);
    noted room(op_code::poll, ends.fd[0], nullptr, 0, POLLOUT), same(op_code::poll, ends.fd[0], nullptr, 0, POLLOUT);
    e.submit(room);
    e.submit(same);
    for (int i = 0; i != 20; ++i) e.turn(e.now() + millisecond, 256);
    CHECK(room.results.empty());
    e.cancel(same);
    while (same.ended == 0) e.turn(engine::no_deadline, 256);
    CHECK(same.results == std::vector<int>{-ECANCELED});
    CHECK(room.results.empty());

    std::array<char, 65536> sink{};
    while (::recv(ends.fd[1], sink.data(), sink.size(), MSG_DONTWAIT) > 0) {
    }
    turn_until_idle(e);
    CHECK(room.results == std::vector<int>{POLLOUT});

    // The record is as good as new, and what is there already is found at once.
    e.submit(room);
    turn_until_idle(e);
    CHECK(room.results == std::vector<int>{POLLOUT, POLLOUT});
    // The end itself, where it is asked for.
    noted end(op_code::poll, ends.fd[0], nullptr, 0, POLLIN | POLLRDHUP);
    e.submit(end);
    turn_until_idle(e);
    CHECK(end.results == std::vector<int>{POLLIN | POLLRDHUP});
  }
  e.shut_down();
}

TEST_CASE("faults come as -errno, in a turn", "[engine]") {
  const auto made = make_engine({});
  engine& e = *made;
  {
    noted receive(op_code::receive, -1);
    e.submit(receive);
    turn_until_idle(e);
    REQUIRE(receive.results == std::vector<int>{-EBADF});
  }
  e.shut_down();
}

TEST_CASE("more operations than the queue holds are all submitted, in order", "[engine][real_fd]") {
  const auto made = make_engine({.queue_entries = 2, .completion_entries = 4});
  engine& e = *made;
  {
    const both_ends ends = both_ends::of_socket();
    std::deque<noted> sends;
    const std::string text = "abcdefghijklmnopqrstuvwxyz";
    for (const char& c : text) e.submit(sends.emplace_back(op_code::send, ends.fd[0], const_cast<char*>(&c), 1));
    REQUIRE(e.in_flight() == text.size());
    turn_until_idle(e);
    for (const noted& send : sends) REQUIRE(send.results == std::vector<int>{1});
    std::array<char, 64> got{};
    REQUIRE(::read(ends.fd[1], got.data(), got.size()) == static_cast<ssize_t>(text.size()));
    REQUIRE(std::string(got.data()) == text);
  }
  e.shut_down();
}

TEST_CASE("a turn delivers no more than its limit, and the rest later", "[engine][real_fd]") {
  const auto made = make_engine({});
  engine& e = *made;
  {
    const both_ends ends = both_ends::of_socket();
    std::deque<noted> polls;
    for (int i = 0; i < 10; ++i) e.submit(polls.emplace_back(op_code::poll, ends.fd[0], nullptr, 0, POLLOUT));
    std::vector<std::size_t> left;
    while (e.in_flight() != 0) {
      e.turn(engine::no_deadline, 4);
      left.push_back(e.in_flight());
    }
    REQUIRE(left == std::vector<std::size_t>{6, 2, 0});
    for (const noted& poll : polls) REQUIRE(poll.results == std::vector<int>{POLLOUT});
  }
  e.shut_down();
}

TEST_CASE("a turn waits until its deadline", "[engine]") {
  const auto made = make_engine({});
  engine& e = *made;
  const std::int64_t begun = e.now();
  e.turn(engine::no_wait, 256);
  e.turn(begun, 256);  // has passed
  e.turn(begun - 5 * millisecond, 256);
  const std::int64_t deadline = e.now() + 5 * millisecond;
  while (e.now() < deadline) e.turn(deadline, 256);
  REQUIRE(e.totals().kernel_calls < 10);  // it slept
  e.shut_down();
}

TEST_CASE("wake ends a wait, whether it comes before or during it", "[engine][threads]") {
  const auto made = make_engine({});
  engine& e = *made;
  e.wake();
  e.turn(engine::no_deadline, 256);
  for (int i = 0; i < 200; ++i) {
    std::thread other([&] {
      if (i % 2 == 0) std::this_thread::sleep_for(std::chrono::microseconds(i));
      e.wake();
    });
    e.turn(engine::no_deadline, 256);
    other.join();
    e.turn(engine::no_wait, 256);
  }
  e.shut_down();
}

TEST_CASE("sends are attempted without waiting", "[engine][real_fd]") {
  const auto made = make_engine({});
  engine& e = *made;
  {
    const both_ends ends = both_ends::of_socket();
    const std::array<std::byte, 5> bytes{};
    REQUIRE(e.attempt_send(ends.fd[0], bytes) == 5);
    ::iovec part{const_cast<std::byte*>(bytes.data()), 3};
    ::msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    REQUIRE(e.attempt_send(ends.fd[0], message) == 3);
    std::array<std::byte, 4096> much{};
    std::int32_t sent = 0;
    while ((sent = e.attempt_send(ends.fd[0], much)) > 0) {
    }
    REQUIRE(sent == -EAGAIN);
    REQUIRE(e.attempt_send(ends.fd[0], message) == -EAGAIN);
    ::close(std::exchange(const_cast<int&>(ends.fd[1]), -1));
    REQUIRE(e.attempt_send(ends.fd[0], bytes) == -EPIPE);  // and no SIGPIPE
    REQUIRE(e.attempt_send(ends.fd[0], message) == -EPIPE);
  }
  e.shut_down();
}

TEST_CASE("a poll of a terminal waits on when it is woken for nothing", "[engine][real_fd]") {
  const auto made = make_engine({});
  engine& e = *made;
  const int screen = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  REQUIRE(screen >= 0);
  REQUIRE(::unlockpt(screen) == 0);
  const int terminal = ::open(::ptsname(screen), O_RDWR | O_NOCTTY | O_CLOEXEC);
  REQUIRE(terminal >= 0);
  noted poll(op_code::poll, terminal, nullptr, 0, POLLIN);
  e.submit(poll);
  for (int i = 0; i != 3; ++i) {
    e.turn(engine::no_wait, 256);
    ::termios mode{};
    REQUIRE(::tcgetattr(terminal, &mode) == 0);
    mode.c_lflag ^= ICANON;
    REQUIRE(::tcsetattr(terminal, TCSANOW, &mode) == 0);  // wakes those that wait
    e.turn(engine::no_wait, 256);
  }
  CHECK(poll.results.empty());
  REQUIRE(::write(screen, "x\n", 2) == 2);
  while (poll.ended == 0) e.turn(engine::no_deadline, 256);
  CHECK(poll.results.front() == POLLIN);
  e.shut_down();
  ::close(terminal);
  ::close(screen);
}

TEST_CASE("a page that is not in memory is found among those that are", "[engine][real_fd]") {
  constexpr long cachestat = 451;
  if (::syscall(cachestat, -1, nullptr, nullptr, 0) != 0 && errno == ENOSYS) SKIP("the kernel does not count pages");
  const auto made = make_engine({});
  engine& e = *made;
  std::FILE* const file = std::tmpfile();
  REQUIRE(file != nullptr);
  const int fd = ::fileno(file);
  const std::string block(128 * 1024, 'x');
  // Every piece that is read ahead has its first byte, and the second one has a hole.
  REQUIRE(::pwrite(fd, block.data(), block.size(), 0) == static_cast<ssize_t>(block.size()));
  REQUIRE(::pwrite(fd, block.data(), 1, 128 * 1024) == 1);
  REQUIRE(::pwrite(fd, block.data(), block.size(), 256 * 1024) == static_cast<ssize_t>(block.size()));
  CHECK(e.is_cached(fd, 0, 132 * 1024));
  CHECK_FALSE(e.is_cached(fd, 0, 384 * 1024));
  CHECK(e.is_cached(fd, 256 * 1024 + 1, 1));
  std::fclose(file);
  e.shut_down();
}

TEST_CASE("files are sent without waiting", "[engine][real_fd]") {
  const auto made = make_engine({});
  engine& e = *made;
  {
    const both_ends ends = both_ends::of_socket();
    std::FILE* const file = std::tmpfile();
    REQUIRE(file != nullptr);
    const int from = ::fileno(file);
    const std::string text(1'000'000, 'x');
    REQUIRE(::pwrite(from, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()));
    REQUIRE(e.size_of(from) == 1'000'000);
    REQUIRE(e.is_cached(from, 0, text.size()));
    REQUIRE_FALSE(e.is_cached(from, std::numeric_limits<std::uint64_t>::max(), 1));
    REQUIRE(e.attempt_send_file(ends.fd[0], from, 999'995, 10) == 5);
    REQUIRE(e.attempt_send_file(ends.fd[0], from, 1'000'000, 10) == 0);
    REQUIRE((::fcntl(ends.fd[0], F_GETFL) & O_NONBLOCK) == 0);
    REQUIRE(::lseek(from, 0, SEEK_CUR) == 0);
    std::int32_t sent = 0;
    while ((sent = e.attempt_send_file(ends.fd[0], from, 0, 100'000)) > 0) {
    }
    REQUIRE(sent == -EAGAIN);
    ::close(std::exchange(const_cast<int&>(ends.fd[1]), -1));
    REQUIRE(e.attempt_send_file(ends.fd[0], from, 0, 5) == -EPIPE);  // and no SIGPIPE
    ::sigset_t pending;
    REQUIRE(::sigpending(&pending) == 0);
    REQUIRE(::sigismember(&pending, SIGPIPE) == 0);
    REQUIRE(e.attempt_send_file(ends.fd[0], -1, 0, 5) == -EBADF);
    REQUIRE(e.size_of(-1) == -EBADF);
    std::fclose(file);
  }
  e.shut_down();
}

TEST_CASE("the destruction of a record that the kernel still has ends the process", "[engine][real_fd]") {
  const auto end = run_in_child([]() noexcept {
    int ends[2];
    if (::pipe(ends) != 0) return;
    const auto made = make_engine({});
    engine& e = *made;
    char c = 0;
    noted read(op_code::read, ends[0], &c, 1);
    e.submit(read);
    e.turn(engine::no_wait, 256);
  });
  REQUIRE(!end.clean);
  REQUIRE(end.report.find("wring: the record of an operation in flight (read, descriptor ") != std::string::npos);
  REQUIRE(end.report.find(") was destroyed; its memory still belongs to the kernel\n") != std::string::npos);
}

#if WRING_CHECKS
TEST_CASE("an operation that is submitted twice ends the process", "[engine][real_fd]") {
  const auto end = run_in_child([]() noexcept {
    const auto made = make_engine({});
    engine& e = *made;
    noted poll(op_code::poll, 0, nullptr, 0, POLLIN);
    e.submit(poll);
    e.submit(poll);
  });
  REQUIRE(!end.clean);
  REQUIRE(end.report.find("wring: an operation was submitted twice") != std::string::npos);
}
#endif

TEST_CASE("receives without a buffer of their own say so when the pool is empty", "[engine][real_fd]") {
  const auto made =
      make_engine({.queue_entries = 8, .completion_entries = 8, .buffers = {.count = 1, .size = 4, .initial = 1}});
  engine& e = *made;
  {
    const both_ends ends = both_ends::of_socket();
    noted receive(op_code::receive_multishot, ends.fd[0]);
    e.submit(receive);
    REQUIRE(::write(ends.fd[1], "12345678", 8) == 8);
    turn_until_idle(e);
    REQUIRE(receive.results == std::vector<int>{4, -ENOBUFS});
    // Nothing is lost: the rest comes once the buffer is back.
    static_cast<void>(e.buffers().lease(0, 4));
    e.submit(receive);
    e.turn(engine::no_deadline, 256);
    static_cast<void>(e.buffers().lease(0, 4));
    e.cancel(receive);
    turn_until_idle(e);
    REQUIRE(receive.results == std::vector<int>{4, -ENOBUFS, 4, -ECANCELED});
  }
  e.shut_down();
}

}  // namespace
