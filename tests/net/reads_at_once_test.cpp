// SPDX-License-Identifier: MIT
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <wring/core/nursery.hpp>
#include <wring/core/testing/cancel_everywhere.hpp>
#include <wring/core/testing/clock.hpp>
#include <wring/core/testing/leak_check.hpp>
#include <wring/core/testing/run.hpp>
#include <wring/core/until_stopping.hpp>
#include <wring/net/memory_stream.hpp>
#include <wring/net/reader.hpp>

#include "serve_support.hpp"

namespace {

using namespace wring;
using namespace wring::tests;
using net::make_memory_stream_pair;
using net::reader;
using strings = std::vector<std::string>;

strings lines_there(reader& in, std::size_t limit = reader::default_line_limit) {
  strings all;
  while (const auto line = in.try_read_line(limit)) all.emplace_back(*line);
  return all;
}

TEST_CASE("lines that have come can be read without waiting", "[reader]") {
  const std::size_t chunk = GENERATE(std::size_t(unlimited), std::size_t{1}, std::size_t{3});
  const testing::leak_check leaks;
  testing::run([&]() -> task<> {
    auto [a, b] = make_memory_stream_pair({.read_chunk = chunk});
    reader in(b);
    CHECK(lines_there(in).empty());
    co_await a.write_all("one\ntwo\r\n\nhalf");
    CHECK(lines_there(in) == strings{"one", "two", ""});
    CHECK_FALSE(in.try_read_line());
    CHECK(b.received_ahead() == 0);
    CHECK(in.buffered().size() == 4);
    co_await a.write_all(" a line\nlast");
    const auto whole = co_await in.read_line();
    CHECK(whole == "half a line");
    co_await a.shut_down_write();
    CHECK_FALSE(in.try_read_line());  // nothing says that it is whole
    const auto last = co_await in.read_line();
    CHECK(last == "last");
    CHECK_FALSE(in.try_read_line());
  });
  CHECK(leaks.check().empty());
}

TEST_CASE("a line that is too long is left for read_line to refuse", "[reader]") {
  testing::run([]() -> task<> {
    auto [a, b] = make_memory_stream_pair();
    reader in(b);
    co_await a.write_all("12345\n123456\nnext\n");
    CHECK(lines_there(in, 5) == strings{"12345"});
    const auto refused = co_await in.read_line(5).result();
    CHECK(refused.error() == errc::limit_exceeded);
    CHECK(lines_there(in) == strings{"123456", "next"});
    co_await a.write_all(std::string(10'000, 'x'));
    CHECK_FALSE(in.try_read_line(100));
    CHECK(in.buffered().size() + b.received_ahead() == 10'000);
  });
}

TEST_CASE("nothing is taken from a task that reads", "[reader]") {
  testing::run([]() -> task<> {
    auto pair = make_memory_stream_pair();
    reader in(pair.second);
    std::optional<std::string> got;
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> {
        const auto line = co_await in.read_line();
        got = *line;
      });
      co_await yield();
      CHECK_FALSE(in.try_read_line());
      co_await pair.first.write_all("mine\n");
      CHECK_FALSE(in.try_read_line());
      CHECK(pair.second.received_ahead() == 0);
      CHECK(pair.second.try_read_some().empty());
    });
    CHECK(got == "mine");
  });
}

TEST_CASE("bytes under way have not come yet", "[memory_stream]") {
  testing::run([]() -> task<> {
    testing::clock clock;
    auto [a, b] = make_memory_stream_pair({.delay = 1ms});
    co_await a.write_all("later");
    CHECK(b.received_ahead() == 0);
    CHECK(b.try_read_some().empty());
    CHECK(b.unread() == 5);
    co_await clock.advance(1ms);
    CHECK(b.received_ahead() == 5);
    const buffer_lease chunk = b.try_read_some();
    CHECK(chunk.size() == 5);
  });
}

TEST_CASE("what a TCP stream has received ahead can be read without waiting", "[tcp][real_fd]") {
  run_net([]() -> task<> {
    const testing::leak_check leaks;
    {
      auto listener = co_await net::listen_tcp(on_loopback);
      raw_socket client = raw_socket::connected_to(listener.local_address());
      auto peer = co_await listener.accept();
      CHECK(peer.try_read_some().empty());
      client.send("one\n");
      reader in(peer);
      const auto first = co_await in.read_line();
      CHECK(first == "one");
      client.send("two\nthree\nha");
      co_await until([&] { return peer.received_ahead() == 12; });
      CHECK(in.buffered().empty());
      CHECK(lines_there(in) == strings{"two", "three"});
      CHECK(peer.received_ahead() == 0);
      CHECK(in.buffered().size() == 2);
      client.send("lf\n");
      const auto rest = co_await in.read_line();
      CHECK(rest == "half");
      co_await peer.close();
      CHECK(peer.try_read_some().empty());
      CHECK(peer.received_ahead() == 0);
    }
    co_await until([] { return scheduler::current().stats().operations == 0; });
    CHECK(leaks.check().empty());
  });
}

/// Answers each line, and after a request to stop those that have come by then.
task<> answer_lines(net::stream_ref peer) {
  reader in(peer);
  for (;;) {
    const auto line = co_await until_stopping(in.read_line());
    if (!line) break;
    if (!*line) co_return;
    co_await peer.write_all(fmt::format("{}!\n", **line));
  }
  while (const auto line = in.try_read_line()) co_await peer.write_all(fmt::format("{}!\n", *line));
  co_await peer.shut_down_write();
}

TEST_CASE("what has come when the program is asked to stop can be answered", "[reader]") {
  const auto conversation = [](std::string& answers) -> task<> {
    auto pair = make_memory_stream_pair({.read_chunk = 5});
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> { co_await answer_lines(pair.second); });
      co_await pair.first.write_all("one\n");
      co_await yield();
      co_await pair.first.write_all("two\nthree\nnot who");
      scheduler::current().request_stop();
      while (const auto chunk = co_await pair.first.read_some()) {
        answers.append(reinterpret_cast<const char*>(chunk.data()), chunk.size());
      }
    });
  };
  std::string answers;
  testing::run([&] { return conversation(answers); });
  CHECK(answers == "one!\ntwo!\nthree!\n");
  const auto points = testing::cancel_everywhere([&]() -> task<> {
    std::string some;
    co_await conversation(some);
  });
  CHECK(points >= 3);
}

}  // namespace
