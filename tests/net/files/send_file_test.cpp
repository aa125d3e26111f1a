// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstddef>
#include <fcntl.h>
#include <fstream>
#include <span>
#include <string>
#include <unistd.h>
#include <utility>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <wring/core/error.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/testing/cancel_everywhere.hpp>
#include <wring/core/testing/task_test.hpp>
#include <wring/net/files/send_file.hpp>
#include <wring/net/memory_stream.hpp>
#include <wring/net/tcp_listener.hpp>
#include <wring/net/tcp_stream.hpp>

#include "support/tcp_support.hpp"
#include "support/temporary_folder.hpp"

using namespace wring;
using namespace wring::tests;
using Catch::Matchers::ContainsSubstring;
using net::send_file;

namespace {

std::string numbered(std::size_t size) {
  std::string text(size, '.');
  for (std::size_t i = 0; i < size; i += 7) text[i] = static_cast<char>('a' + i / 7 % 26);
  return text;
}

void store(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

task<std::string> read_all(net::memory_stream& from) {
  std::string all;
  for (;;) {
    const buffer_lease chunk = co_await from.read_some();
    if (!chunk) break;
    all += text_of(chunk);
  }
  co_return all;
}

/// What arrives of a file. The stream holds little, so that the reader sees each block before the next.
struct sent {
  std::string arrived;
  std::uint64_t bytes = 0;
  std::string complaint;
};

template <class OnFirst>
task<> transfer(net::file& from, net::send_file_options options, sent& into, OnFirst on_first) {
  auto [near, far] = net::make_memory_stream_pair({.capacity = 4096});
  co_await with_nursery([&](nursery& n) -> task<> {
    n.start([&]() -> task<> {
      try {
        into.bytes = co_await send_file(near, from, options);
      } catch (const io_error& e) {
        into.complaint = e.what();
      }
      co_await near.shut_down_write();
    });
    const buffer_lease first = co_await far.read_some();
    into.arrived = text_of(first);
    on_first();
    into.arrived += co_await read_all(far);
  });
}

}  // namespace

TASK_TEST_WITH("a file is sent as it is, or a part of it", "[files][real_fd]", .real_time = true) {
  const temporary_folder folder;
  const std::string text = numbered(700'001);
  store(folder / "a", text);
  net::file from = co_await net::open_file(folder / "a");
  from.seek(5);
  sent whole;
  co_await transfer(from, {}, whole, [] {});
  CHECK(whole.bytes == text.size());
  CHECK(whole.arrived == text);
  CHECK(from.position() == 5);
  sent part;
  co_await transfer(from, {.offset = 100'000, .count = 262'144}, part, [] {});
  CHECK(part.bytes == 262'144);
  CHECK(part.arrived == text.substr(100'000, 262'144));
  sent beyond;
  co_await transfer(from, {.offset = 700'001}, beyond, [] {});
  CHECK(beyond.bytes == 0);
  CHECK(beyond.arrived.empty());
}

TASK_TEST_WITH("a file that becomes shorter is an error, after the bytes that it had", "[files][real_fd]",
               .real_time = true) {
  const temporary_folder folder;
  const std::string text = numbered(700'000);
  store(folder / "a", text);
  net::file from = co_await net::open_file(folder / "a");
  sent cut;
  co_await transfer(from, {}, cut, [&] { REQUIRE(::truncate((folder / "a").c_str(), 300'000) == 0); });
  CHECK_THAT(cut.complaint, ContainsSubstring("send " + folder / "a") && ContainsSubstring("fewer bytes"));
  CHECK(cut.arrived == text.substr(0, 300'000));
  sent more;
  co_await transfer(from, {.count = 300'001}, more, [] {});
  CHECK_THAT(more.complaint, ContainsSubstring("fewer bytes"));
  CHECK(more.arrived == text.substr(0, 300'000));
}

TASK_TEST_WITH("a file that grows is sent as long as it was", "[files][real_fd]", .real_time = true) {
  const temporary_folder folder;
  const std::string text = numbered(400'000);
  store(folder / "a", text);
  net::file from = co_await net::open_file(folder / "a");
  sent all;
  co_await transfer(from, {}, all, [&] { std::ofstream(folder / "a", std::ios::app) << "more"; });
  CHECK(all.arrived == text);
}

TEST_CASE("sending a file can be cancelled wherever it waits", "[files][real_fd]") {
  const temporary_folder folder;
  const std::string text = numbered(300'000);
  store(folder / "a", text);
  const std::size_t points = testing::cancel_everywhere(
      [&]() -> task<> {
        net::file from = co_await net::open_file(folder / "a");
        sent all;
        co_await transfer(from, {}, all, [] {});
      },
      {.real_time = true});
  CHECK(points >= 4);
}

namespace {

/// A connection between two sockets that were opened here, so that the kernel may send files on them by itself.
struct own_connection {
  net::tcp_stream near;
  net::tcp_stream far;
};

task<own_connection> connect_here() {
  net::tcp_listener listener = co_await net::listen_tcp({.address = net::ip_address::loopback_v4});
  const net::socket_address address = listener.local_address();
  net::tcp_stream near = co_await net::connect_tcp(address);
  net::tcp_stream far = co_await listener.accept();
  co_await listener.close();
  co_return own_connection{std::move(near), std::move(far)};
}

task<std::string> receive_rest(net::tcp_stream& from) {
  std::string all;
  for (;;) {
    const buffer_lease chunk = co_await from.read_some();
    if (!chunk) break;
    all += text_of(chunk);
  }
  co_return all;
}

/// Sends and receives at the same time; `on_first` is called when something has arrived.
template <class OnFirst>
task<> transfer_on_socket(net::file& from, net::send_file_options options, sent& into, OnFirst on_first) {
  own_connection c = co_await connect_here();
  // So that it does not all fit into the sender's socket.
  c.near.set_send_buffer(16'384);
  co_await with_nursery([&](nursery& n) -> task<> {
    n.start([&]() -> task<> {
      try {
        into.bytes = co_await send_file(c.near, from, options);
      } catch (const io_error& e) {
        into.complaint = e.what();
      }
      co_await c.near.shut_down_write();
    });
    const buffer_lease first = co_await c.far.read_some();
    into.arrived = text_of(first);
    on_first();
    into.arrived += co_await receive_rest(c.far);
  });
}

/// What the kernel has of the file is on the disk alone from now on, where it forgets on request.
void forget(const net::file& f) {
  REQUIRE(::fsync(f.native_handle()) == 0);
  REQUIRE(::posix_fadvise(f.native_handle(), 0, 0, POSIX_FADV_DONTNEED) == 0);
}

}  // namespace

TASK_TEST_WITH("a file is sent on a socket as it is, or a part of it", "[files][real_fd]", .real_time = true) {
  const temporary_folder folder;
  const std::string text = numbered(3'300'001);
  store(folder / "a", text);
  net::file from = co_await net::open_file(folder / "a", {.write = true});
  for (const bool copied : {false, true}) {
    for (const bool cold : {false, true}) {
      if (cold) forget(from);
      sent whole;
      co_await transfer_on_socket(from, {.copied = copied}, whole, [] {});
      CHECK(whole.bytes == text.size());
      CHECK(first_difference(whole.arrived, text) == std::string::npos);
      sent part;
      co_await transfer_on_socket(from, {.offset = 1'000'001, .count = 1'262'144, .copied = copied}, part, [] {});
      CHECK(part.bytes == 1'262'144);
      CHECK(first_difference(part.arrived, text.substr(1'000'001, 1'262'144)) == std::string::npos);
    }
  }
  CHECK(from.position() == 0);
  sent beyond;
  co_await transfer_on_socket(from, {.offset = 3'300'001}, beyond, [] {});
  CHECK(beyond.bytes == 0);
  CHECK(beyond.arrived.empty());
  co_await from.close();
}

TASK_TEST_WITH("a socket's mode is the same after a file was sent, and a foreign one's is never touched",
               "[files][real_fd]", .real_time = true) {
  const temporary_folder folder;
  const std::string text = numbered(100'000);
  store(folder / "a", text);
  net::file from = co_await net::open_file(folder / "a");
  own_connection own = co_await connect_here();
  connection foreign = make_connection();
  for (net::tcp_stream* const each : {&own.near, &foreign.stream}) {
    const int before = ::fcntl(each->native_handle(), F_GETFL);
    const std::uint64_t bytes = co_await send_file(*each, from, {.count = 10'000});
    CHECK(bytes == 10'000);
    CHECK(::fcntl(each->native_handle(), F_GETFL) == before);
    CHECK((before & O_NONBLOCK) == 0);
  }
}

TASK_TEST_WITH("a file that is cut while the kernel sends it is an error", "[files][real_fd]", .real_time = true) {
  const temporary_folder folder;
  const std::string text = numbered(6'000'000);
  for (const bool copied : {false, true}) {
    store(folder / "a", text);
    net::file from = co_await net::open_file(folder / "a");
    sent cut;
    constexpr std::size_t rest = 65'536;
    const auto shorten = [&] { REQUIRE(::truncate((folder / "a").c_str(), rest) == 0); };
    co_await transfer_on_socket(from, {.copied = copied}, cut, shorten);
    INFO(copied);
    CHECK(cut.bytes == 0);
    CHECK_THAT(cut.complaint, ContainsSubstring("send " + folder / "a") && ContainsSubstring("fewer bytes"));
    CHECK(cut.arrived.size() >= rest);
    CHECK(cut.arrived.size() < text.size());
    CHECK(cut.arrived.substr(0, rest) == text.substr(0, rest));
    // Read before it was cut, that is, and not zeros in their place.
    if (copied) CHECK(cut.arrived == text.substr(0, cut.arrived.size()));
    sent more;
    co_await transfer_on_socket(from, {.count = rest + 1, .copied = copied}, more, [] {});
    CHECK_THAT(more.complaint, ContainsSubstring("fewer bytes"));
    CHECK(more.arrived == text.substr(0, rest));
  }
}

TASK_TEST_WITH("a peer that goes while a file is sent is a fault without a signal", "[files][real_fd]",
               .real_time = true) {
  const temporary_folder folder;
  store(folder / "a", numbered(6'000'000));
  net::file from = co_await net::open_file(folder / "a");
  own_connection c = co_await connect_here();
  c.far.abort();
  std::string complaint;
  try {
    static_cast<void>(co_await send_file(c.near, from));
  } catch (const io_error& e) {
    complaint = e.what();
  }
  CHECK_THAT(complaint, ContainsSubstring("write to 127.0.0.1:") && ContainsSubstring("Connection reset"));
  const auto after = co_await c.near.write_all("x").result();
  CHECK(after.error() == std::errc::connection_reset);
}

TASK_TEST_WITH("a file stays open while it is sent", "[files][real_fd]", .real_time = true) {
  const temporary_folder folder;
  store(folder / "a", numbered(6'000'000));
  net::file from = co_await net::open_file(folder / "a");
  const auto close = [&]() -> task<> { co_await from.close(); };
  own_connection c = co_await connect_here();
  co_await with_nursery([&](nursery& n) -> task<> {
    n.start([&]() -> task<> { static_cast<void>(co_await send_file(c.near, from)); });
    static_cast<void>(co_await c.far.read_some());  // the rest waits for room
    const auto closed = co_await close().result();
    CHECK(closed.error() == errc::busy);
    n.cancel();
  });
  const auto torn = co_await c.near.write_all("x").result();
  CHECK(torn.error() == errc::write_torn);
  co_await from.close();
  std::string complaint;
  try {
    static_cast<void>(co_await send_file(c.near, from));
  } catch (const io_error& e) {
    complaint = e.what();
  }
  CHECK_THAT(complaint, ContainsSubstring("closed"));
}

TASK_TEST_WITH("of a file is sent at once what there is room for", "[files][real_fd]", .real_time = true) {
  const temporary_folder folder;
  const std::string text = numbered(20'000'000);
  store(folder / "a", text);
  net::file from = co_await net::open_file(folder / "a");
  own_connection c = co_await connect_here();
  std::string arrived;
  co_await with_nursery([&](nursery& n) -> task<> {
    std::uint64_t sent = 0;
    std::uint64_t first = 0;
    do {
      const auto at_once = net::try_send_file(c.near, from, {.offset = sent});
      REQUIRE(at_once);
      sent += *at_once;
      if (first == 0) first = *at_once;
      if (*at_once == 0) break;
    } while (sent != text.size());
    CHECK(first > 0);
    CHECK(first <= std::uint64_t{1} << 20);
    CHECK(sent < text.size());  // nobody has read
    // Behind what is being written there is no room, and the order is kept.
    n.start([&]() -> task<> { co_await c.near.write_all(std::string_view(text).substr(sent, 1'000'000)); });
    co_await yield();
    const auto behind = net::try_send_file(c.near, from, {.offset = 0});
    CHECK(behind.value() == 0);
    while (arrived.size() < sent + 1'000'000) {
      const buffer_lease some = co_await c.far.read_some();
      arrived += text_of(some);
    }
    CHECK((arrived == text.substr(0, sent + 1'000'000)));
  });
  // Where a copy is asked for, and to what is no socket.
  const auto copied = net::try_send_file(c.near, from, {.count = 10, .copied = true});
  CHECK(copied.value() == 0);
  auto memory = net::make_memory_stream_pair();
  const auto elsewhere = net::try_send_file(memory.first, from, {.count = 10});
  CHECK(elsewhere.value() == 0);
  // Behind the end of the file there is nothing.
  const auto nothing = net::try_send_file(c.near, from, {.offset = text.size()});
  CHECK(nothing.value() == 0);
  co_await from.close();
  const auto closed = net::try_send_file(c.near, from, {});
  CHECK(closed.value() == 0);
}

TEST_CASE("sending a file on a socket can be cancelled wherever it waits", "[files][real_fd]") {
  const temporary_folder folder;
  store(folder / "a", numbered(1'300'000));
  const std::size_t points = testing::cancel_everywhere(
      [&]() -> task<> {
        net::file from = co_await net::open_file(folder / "a");
        sent all;
        co_await transfer_on_socket(from, {}, all, [] {});
      },
      {.real_time = true});
  CHECK(points >= 6);
}
