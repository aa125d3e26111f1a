// SPDX-License-Identifier: MIT
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <wring/core/buffer_lease.hpp>
#include <wring/core/engine/epoll_engine.hpp>

#include "epoll_calls.hpp"
#include "noted_operation.hpp"

namespace {

using namespace wring;
using namespace wring::tests;
using wring::detail::epoll_engine;

constexpr std::int64_t millisecond = 1'000'000;

/// A TCP connection over loopback.
both_ends tcp_ends() {
  both_ends ends;
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ::sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  REQUIRE(::bind(listener, reinterpret_cast<::sockaddr*>(&address), size) == 0);
  REQUIRE(::listen(listener, 4) == 0);
  REQUIRE(::getsockname(listener, reinterpret_cast<::sockaddr*>(&address), &size) == 0);
  ends.fd[0] = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  REQUIRE(::connect(ends.fd[0], reinterpret_cast<::sockaddr*>(&address), size) == 0);
  ends.fd[1] = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
  REQUIRE(ends.fd[1] >= 0);
  ::close(listener);
  return ends;
}

both_ends pipe_ends() {
  both_ends ends;
  REQUIRE(::pipe2(ends.fd.data(), O_CLOEXEC) == 0);
  return ends;
}

void send_text(int fd, const std::string& text, int flags = 0) {
  REQUIRE(::send(fd, text.data(), text.size(), flags) == static_cast<ssize_t>(text.size()));
}

/// Notes the bytes of a multishot receive.
struct collecting : noted {
  engine& of;
  std::string got;

  collecting(engine& e, int descriptor) : noted(op_code::receive_multishot, descriptor), of(e) {
    on_completion = [](operation& op, completion c) noexcept {
      auto& self = static_cast<collecting&>(op);
      if (c.has_buffer()) {
        const buffer_lease chunk = self.of.buffers().lease(c.buffer(), static_cast<std::size_t>(c.result));
        self.got.append(reinterpret_cast<const char*>(chunk.data()), chunk.size());
      }
      self.results.push_back(c.result);
      if (!c.more()) ++self.ended;
    };
  }
};

TEST_CASE("a descriptor number that comes to stand for another file is not confused", "[engine][epoll]") {
  const bool kept = GENERATE(false, true);
  const bool duplicated = GENERATE(false, true);
  epoll_engine e({});
  {
    both_ends first = both_ends::of_socket();
    const int number = first.fd[0];
    const int other_number = duplicated ? ::dup(number) : -1;
    const int other_end = ::dup(first.fd[1]);
    std::array<char, 8> into{};
    if (kept) e.register_descriptor(number);
    noted before(op_code::receive, number, into.data(), into.size());
    e.submit(before);
    e.turn(engine::no_wait, 256);  // waits, so it is registered
    REQUIRE(::write(first.fd[1], "old", 3) == 3);
    turn_until_idle(e);
    REQUIRE(before.results == std::vector<int>{3});
    if (kept) e.unregister_descriptor(number);
    ::close(std::exchange(first.fd[0], -1));
    ::close(std::exchange(first.fd[1], -1));

    both_ends second = both_ends::of_socket();
    if (second.fd[0] != number) {
      REQUIRE(::dup3(second.fd[0], number, O_CLOEXEC) == number);
      ::close(std::exchange(second.fd[0], number));
    }
    if (kept) e.register_descriptor(number);
    noted after(op_code::receive, number, into.data(), into.size());
    e.submit(after);
    e.turn(engine::no_wait, 256);
    // What becomes of the old file is nobody's business any more.
    if (duplicated) REQUIRE(::write(other_end, "ghost", 5) == 5);
    e.turn(engine::no_wait, 256);
    REQUIRE(after.results.empty());
    REQUIRE(::write(second.fd[1], "new!", 4) == 4);
    turn_until_idle(e);
    REQUIRE(after.results == std::vector<int>{4});
    REQUIRE(std::string(into.data(), 4) == "new!");
    if (kept) e.unregister_descriptor(number);
    if (other_number >= 0) ::close(other_number);
    ::close(other_end);
  }
  e.shut_down();
}

TEST_CASE("a descriptor that is closed and used again by the same number finds its readiness", "[engine][epoll]") {
  epoll_engine e({});
  for (int i = 0; i < 50; ++i) {
    const both_ends ends = i % 2 == 0 ? both_ends::of_socket() : tcp_ends();
    if (i % 3 == 0) e.register_descriptor(ends.fd[0]);
    std::array<char, 8> into{};
    noted receive(op_code::receive, ends.fd[0], into.data(), into.size());
    for (int round = 0; round < 3; ++round) {
      e.submit(receive);
      if (round != 1) e.turn(engine::no_wait, 256);
      send_text(ends.fd[1], "abc");
      turn_until_idle(e);
    }
    REQUIRE(receive.results == std::vector<int>{3, 3, 3});
    if (i % 3 == 0) e.unregister_descriptor(ends.fd[0]);
  }
  e.shut_down();
}

TEST_CASE("a descriptor that its owner has registered is registered with epoll once", "[engine][epoll]") {
  epoll_engine e({});
  {
    const both_ends ends = tcp_ends();
    const int before = epoll_ctl_calls();
    e.register_descriptor(ends.fd[0]);
    std::array<char, 8> into{};
    noted receive(op_code::receive, ends.fd[0], into.data(), into.size());
    for (int i = 0; i < 100; ++i) {
      e.submit(receive);
      e.turn(engine::no_wait, 256);
      REQUIRE(receive.active());
      send_text(ends.fd[1], "x");
      turn_until_idle(e);
    }
    REQUIRE(epoll_ctl_calls() == before + 1);
    e.unregister_descriptor(ends.fd[0]);
    REQUIRE(epoll_ctl_calls() == before + 2);
  }
  e.shut_down();
}

TEST_CASE("an armed receive is registered once and takes everything up to the end", "[engine][epoll]") {
  epoll_engine e({});
  {
    both_ends ends = tcp_ends();
    collecting receive(e, ends.fd[0]);
    const int before = epoll_ctl_calls();
    e.submit(receive);
    std::string sent;
    for (int i = 0; i < 100; ++i) {
      sent += std::to_string(i) + ',';
      send_text(ends.fd[1], std::to_string(i) + ',');
      while (receive.got != sent) e.turn(engine::no_deadline, 256);
    }
    REQUIRE(epoll_ctl_calls() == before + 1);
    // Bytes and the end at once: the end must not be overlooked behind a short receive.
    send_text(ends.fd[1], "last");
    ::close(std::exchange(ends.fd[1], -1));
    turn_until_idle(e);
    REQUIRE(receive.got == sent + "last");
    REQUIRE(receive.results.back() == 0);
  }
  e.shut_down();
}

TEST_CASE("urgent data does not hide what comes after it", "[engine][epoll]") {
  epoll_engine e({});
  {
    const both_ends ends = tcp_ends();
    collecting receive(e, ends.fd[0]);
    e.submit(receive);
    send_text(ends.fd[1], "before");
    while (receive.got != "before") e.turn(engine::no_deadline, 256);
    send_text(ends.fd[1], "abc!", MSG_OOB);  // the last byte is the urgent one
    send_text(ends.fd[1], "after");
    while (receive.got != "beforeabcafter") e.turn(engine::no_deadline, 256);
    e.cancel(receive);
    turn_until_idle(e);
    REQUIRE(receive.results.back() == -ECANCELED);
  }
  e.shut_down();
}

TEST_CASE("a blocking descriptor stays so, and blocks nobody", "[engine][epoll]") {
  epoll_engine e({});
  {
    const both_ends ends = pipe_ends();
    std::string much(200'000, 'x');
    noted write(op_code::write, ends.fd[1], much.data(), much.size());
    write.offset = static_cast<std::uint64_t>(-1);
    e.submit(write);
    turn_until_idle(e);
    REQUIRE(write.results.size() == 1);
    const int part = write.results[0];
    REQUIRE(part > 0);
    REQUIRE(part < 200'000);
    e.submit(write);
    e.turn(engine::no_wait, 256);
    REQUIRE(write.active());  // the pipe is full
    std::vector<char> into(much.size());
    noted read(op_code::read, ends.fd[0], into.data(), into.size());
    read.offset = static_cast<std::uint64_t>(-1);
    e.submit(read);
    turn_until_idle(e);
    REQUIRE(read.results == std::vector<int>{part});
    REQUIRE(write.results.size() == 2);
    e.submit(read);
    turn_until_idle(e);
    e.submit(read);
    e.turn(engine::no_wait, 256);
    REQUIRE(read.active());  // the pipe is empty
    e.cancel(read);
    turn_until_idle(e);
    REQUIRE(read.results.back() == -ECANCELED);
    for (const int fd : ends.fd) REQUIRE((::fcntl(fd, F_GETFL) & O_NONBLOCK) == 0);
  }
  e.shut_down();
}

TEST_CASE("a connection is made without blocking, on a socket that stays blocking", "[engine][epoll]") {
  epoll_engine e({});
  {
    const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ::sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    REQUIRE(::bind(listener, reinterpret_cast<::sockaddr*>(&address), size) == 0);
    REQUIRE(::getsockname(listener, reinterpret_cast<::sockaddr*>(&address), &size) == 0);
    const auto connect_one = [&](int fd) {
      noted connect(op_code::connect, fd, &address, size);
      e.submit(connect);
      turn_until_idle(e);
      REQUIRE((::fcntl(fd, F_GETFL) & O_NONBLOCK) == 0);
      ::close(fd);
      return connect.results;
    };
    const auto make = [] { return ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); };
    REQUIRE(connect_one(make()) == std::vector<int>{-ECONNREFUSED});
    REQUIRE(::listen(listener, 0) == 0);
    REQUIRE(connect_one(make()) == std::vector<int>{0});
    // The backlog fills up: from then on the kernel does not answer.
    std::deque<noted> connects;
    std::vector<int> fds;
    for (int i = 0; i < 4; ++i) {
      fds.push_back(make());
      e.submit(connects.emplace_back(op_code::connect, fds.back(), &address, size));
    }
    e.turn(engine::no_wait, 256);
    e.turn(e.now() + 20 * millisecond, 256);
    REQUIRE(connects.back().active());
    for (noted& each : connects) e.cancel(each);
    turn_until_idle(e);
    REQUIRE(connects.back().results == std::vector<int>{-ECANCELED});
    for (const int fd : fds) ::close(fd);
    ::close(listener);
  }
  e.shut_down();
}

TEST_CASE("a multishot poll tells each change once", "[engine][epoll]") {
  epoll_engine e({});
  {
    const both_ends ends = both_ends::of_socket();
    noted poll(op_code::poll_multishot, ends.fd[0], nullptr, 0, POLLIN);
    e.submit(poll);
    for (int i = 0; i < 4; ++i) e.turn(engine::no_wait, 256);
    REQUIRE(poll.results.empty());
    for (std::size_t i = 1; i <= 3; ++i) {
      send_text(ends.fd[1], "x");
      for (int turns = 0; turns < 4; ++turns) e.turn(engine::no_wait, 256);
      REQUIRE(poll.results == std::vector<int>(i, POLLIN));
    }
    e.cancel(poll);
    turn_until_idle(e);
    REQUIRE(poll.results.back() == -ECANCELED);
    REQUIRE(poll.ended == 1);
  }
  e.shut_down();
}

TEST_CASE("files go to a few threads, which take them in order", "[engine][epoll]") {
  epoll_engine e({});
  {
    std::string path = "/tmp/wring-epoll-XXXXXX";
    const int fd = ::mkstemp(path.data());
    REQUIRE(fd >= 0);
    std::string text(1000, '.');
    std::deque<noted> writes;
    for (std::size_t i = 0; i < 100; ++i) {
      text[i * 10] = static_cast<char>('0' + i % 10);
      noted& write = writes.emplace_back(op_code::write, fd, text.data() + i * 10, std::size_t{10});
      write.offset = i * 10;
      e.submit(write);
    }
    turn_until_idle(e);
    for (const noted& write : writes) REQUIRE(write.results == std::vector<int>{10});
    noted sync(op_code::sync, fd);
    e.submit(sync);
    turn_until_idle(e);
    REQUIRE(sync.results == std::vector<int>{0});
    std::string back(1000, ' ');
    REQUIRE(::pread(fd, back.data(), back.size(), 0) == 1000);
    REQUIRE(back == text);
    // Of many that are cancelled at once, each either was done or was not begun.
    for (noted& write : writes) e.submit(write);
    e.turn(engine::no_wait, 0);
    for (noted& write : writes) e.cancel(write);
    turn_until_idle(e);
    for (const noted& write : writes) {
      REQUIRE(write.results.size() == 2);
      REQUIRE((write.results[1] == 10 || write.results[1] == -ECANCELED));
    }
    ::close(fd);
    ::unlink(path.c_str());
  }
  e.shut_down();
}

TEST_CASE("without epoll_pwait2 a wait is rounded up to the millisecond", "[engine][epoll]") {
  const int error_number = GENERATE(ENOSYS, EPERM);
  fail_epoll_pwait2(error_number);
  epoll_engine e({});
  const std::int64_t deadline = e.now() + 2 * millisecond + 1;
  // A signal may end a wait early, but a wait that was rounded down would be followed by any number of empty ones.
  int waits = 0;
  for (; e.now() < deadline; ++waits) e.turn(deadline, 256);
  REQUIRE(waits < 10);
  REQUIRE(e.explain().find("waits end at the millisecond (epoll_pwait2 is missing") != std::string::npos);
  fail_epoll_pwait2(0);
  e.shut_down();
}

TEST_CASE("the epoll engine says what it uses", "[engine][epoll]") {
  epoll_engine e({.buffers = {.count = 3, .size = 512}});
  REQUIRE(std::string(e.name()) == "epoll");
  const std::string text = e.explain();
  REQUIRE(text.find("engine: epoll\n") == 0);
  REQUIRE(text.find("into 4 shared buffers of 512 bytes\n") != std::string::npos);
  REQUIRE(text.find("waits end at the nanosecond (epoll_pwait2)\n") != std::string::npos);
  e.shut_down();
}

}  // namespace
