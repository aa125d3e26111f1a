// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstddef>
#include <fstream>
#include <span>
#include <string>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <wring/core/error.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/testing/cancel_everywhere.hpp>
#include <wring/core/testing/task_test.hpp>
#include <wring/net/files/send_file.hpp>
#include <wring/net/memory_stream.hpp>

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
