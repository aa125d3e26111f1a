// SPDX-License-Identifier: MIT
// Frames over streams.
#include <cerrno>
#include <cstddef>
#include <functional>
#include <stdexcept>
#include <string>
#include <utility>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/cancel_scope.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/testing/cancel_everywhere.hpp>
#include <wring/core/testing/task_test.hpp>
#include <wring/core/this_task.hpp>
#include <wring/net/memory_stream.hpp>
#include <wring/protocols/framing/frame_codec.hpp>

namespace {

using namespace wring;
using namespace wring::framing;

/// Writes `text` and ends the stream.
task<> say(net::memory_stream& to, std::string text) {
  co_await to.write_all(text);
  co_await to.shut_down_write();
}

/// Every frame, and how it ended.
task<std::string> all_of(frame_codec& codec) {
  std::string said;
  for (;;) {
    const auto next = co_await codec.next().result();
    if (!next) co_return said + next.error().message();
    if (!*next) co_return said;
    said += '[' + std::string(**next) + ']';
  }
}

TASK_TEST("frames are read up to the end of a stream, whatever its pieces", "[framing]") {
  for (const std::size_t piece : {std::size_t{1}, std::size_t{3}, std::size_t{1000}}) {
    auto [a, b] = net::make_memory_stream_pair({.read_chunk = piece});
    co_await say(a, "one\r\n\r\ntwo\r\n");
    net::reader in(b);
    line_codec lines(in);
    const std::string said = co_await all_of(lines);
    CHECK(said == "[one][][two]");
  }
}

TASK_TEST("an end inside a frame is an error", "[framing]") {
  auto [a, b] = net::make_memory_stream_pair();
  co_await say(a, "one\r\ntw");
  net::reader in(b);
  line_codec lines(in);
  const std::string said = co_await all_of(lines);
  CHECK(said.starts_with("[one]read"));
  CHECK(said.find("after 2 bytes") != std::string::npos);
}

TASK_TEST("a frame that is too long, and bytes that are none, fail and take nothing", "[framing]") {
  auto [a, b] = net::make_memory_stream_pair();
  co_await say(a, "3:abc,9:x");
  net::reader in(b);
  netstring_codec strings(in, 5);
  co_await strings.next();
  for (int again = 0; again != 2; ++again) {
    const auto next = co_await strings.next().result();
    REQUIRE(!next);
    CHECK(next.error() == errc::limit_exceeded);
    CHECK(next.error().count() == 5);
  }
  auto rest = co_await in.read_some();
  CHECK(rest.size() == 3);

  auto [c, d] = net::make_memory_stream_pair();
  co_await say(c, "x");
  net::reader other(d);
  netstring_codec more(other);
  const auto next = co_await more.next().result();
  REQUIRE(!next);
  CHECK(next.error() == std::errc::protocol_error);
}

TASK_TEST("what is sent arrives, and a connection may change its framing", "[framing]") {
  auto [a, b] = net::make_memory_stream_pair();
  net::reader from_b(a);
  net::reader from_a(b);
  line_codec lines_out(from_b);
  int_string_codec strings_out(from_b, int_width::int16);
  co_await lines_out.send("STRINGS");
  co_await strings_out.send(std::string(300, 'x'));
  co_await a.write_all("raw");
  co_await a.shut_down_write();
  bool refused = false;
  try {
    co_await lines_out.send("a\r\nb");
  } catch (const std::invalid_argument&) {
    refused = true;
  }
  CHECK(refused);

  line_codec lines(from_a);
  const auto first = co_await lines.next();
  CHECK(*first == "STRINGS");
  int_string_codec strings(from_a, int_width::int16);
  const auto second = co_await strings.next();
  CHECK(*second == std::string(300, 'x'));
  const auto raw = co_await from_a.read_some();
  CHECK(raw.size() == 3);
  const auto end = co_await strings.next();
  CHECK(!end);
}

TASK_TEST("a cancelled read has taken nothing", "[framing]") {
  auto [a, b] = net::make_memory_stream_pair();
  net::reader in(b);
  line_codec lines(in);
  cancel_scope scope;
  std::string said;
  co_await with_nursery([&](nursery& n) -> task<> {
    n.start([&]() -> task<> {
      auto op = [&]() -> task<> { co_await lines.next(); };
      co_await scope.run(op);
      const auto line = co_await lines.next();
      said = *line;
    });
    co_await a.write_all("half of ");
    co_await yield();
    co_await yield();
    scope.cancel();
    co_await yield();
    co_await a.write_all("a line\r\n");
  });
  CHECK(said == "half of a line");
}

TEST_CASE("a conversation in frames can be cancelled anywhere", "[framing]") {
  CHECK(testing::cancel_everywhere([]() -> task<> {
          auto [a, b] = net::make_memory_stream_pair({.capacity = 8, .read_chunk = 3});
          net::reader to_a(a);
          net::reader to_b(b);
          netstring_codec asking(to_a);
          netstring_codec answering(to_b);
          auto answer = [&]() -> task<> {
            const auto asked = co_await answering.next();
            const std::string copy(*asked);
            co_await answering.send(copy);
          };
          auto ask = [&]() -> task<> {
            co_await asking.send("a question of some length");
            co_await asking.next();
          };
          co_await with_nursery([&](nursery& n) -> task<> {
            n.start(std::ref(answer));
            co_await ask();
          });
        }) >= 3);
}

}  // namespace
