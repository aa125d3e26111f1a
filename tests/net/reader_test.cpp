// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <numeric>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <wring/core/cancel_scope.hpp>
#include <wring/core/detail/scheduling/frame_recycler.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/testing/cancel_everywhere.hpp>
#include <wring/core/testing/leak_check.hpp>
#include <wring/core/testing/run.hpp>
#include <wring/core/this_task.hpp>
#include <wring/core/timeout.hpp>
#include <wring/net/memory_stream.hpp>
#include <wring/net/reader.hpp>

using namespace std::chrono_literals;
using namespace std::string_literals;
using namespace wring;
using net::make_memory_stream_pair;
using net::memory_stream;
using net::reader;

namespace {

constexpr std::size_t whole = wring::unlimited;  // the size of the chunks that a stream gives

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
std::string_view text_of(const buffer_lease& lease) { return text_of(std::span<const std::byte>(lease)); }

/// Writes `text` from another task, ends the stream, and gives the other end to `check`.
template <class Check>
void with_text(std::string_view text, const net::memory_stream_options& options, Check check) {
  const testing::leak_check leaks;
  testing::run([&]() -> task<> {
    auto pair = make_memory_stream_pair(options);
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> {
        co_await pair.first.write_all(text);
        co_await pair.first.shut_down_write();
      });
      reader in(pair.second);
      co_await check(in);
    });
  });
  CHECK(leaks.check().empty());
}

std::vector<std::string> lines_of(std::string_view text, const net::memory_stream_options& options = {}) {
  std::vector<std::string> all;
  with_text(text, options, [&](reader& in) -> task<> {
    auto lines = in.lines();
    while (const auto line = co_await lines.next()) all.emplace_back(*line);
    const auto after = co_await in.read_line();
    CHECK_FALSE(after);
  });
  return all;
}

using strings = std::vector<std::string>;

}  // namespace

TEST_CASE("lines end with a line feed, or with a carriage return and a line feed", "[reader]") {
  const net::memory_stream_options pieces =
      GENERATE(net::memory_stream_options{}, net::memory_stream_options{.read_chunk = 1},
               net::memory_stream_options{.read_chunk = 5, .chunk_seed = 3});
  CHECK(lines_of("one\ntwo\r\n\n\r\nfive\n", pieces) == strings{"one", "two", "", "", "five"});
  CHECK(lines_of("", pieces).empty());
  CHECK(lines_of("\n", pieces) == strings{""});
  CHECK(lines_of("a\rb\r\r\n", pieces) == strings{"a\rb\r"});
}

TEST_CASE("what comes after the last line feed is a line too", "[reader]") {
  CHECK(lines_of("one\ntwo") == strings{"one", "two"});
  CHECK(lines_of("one\ntwo\r", {.read_chunk = 1}) == strings{"one", "two\r"});
}

TEST_CASE("a line may be as long as its limit and no longer", "[reader]") {
  const std::size_t chunk = GENERATE(whole, std::size_t{1}, std::size_t{3});
  with_text("12345\r\n123456\r\nnext\n", {.read_chunk = chunk}, [&](reader& in) -> task<> {
    const auto fits = co_await in.read_line(5);
    REQUIRE(fits);
    CHECK(*fits == "12345");
    const auto longer = co_await in.read_line(5).result();
    REQUIRE_FALSE(longer);
    CHECK(longer.error() == errc::limit_exceeded);
    CHECK(longer.error().count() == 5);
    const auto again = co_await in.read_line(6);
    REQUIRE(again);
    CHECK(*again == "123456");
    const auto last = co_await in.read_line();
    CHECK(last == "next");
  });
}

TEST_CASE("a peer that never ends its line cannot fill the memory", "[reader]") {
  testing::run([]() -> task<> {
    auto [a, b] = make_memory_stream_pair();
    co_await with_nursery([&](nursery& n) -> task<> {
      const child_handle flood = n.start([&]() -> task<> {
        const std::string much(10'000, 'x');
        for (;;) co_await a.write_all(much);
      });
      reader in(b);
      const auto line = co_await in.read_line(100'000).result();
      CHECK(line.error() == errc::limit_exceeded);
      CHECK(in.buffered().size() <= 2 * 100'000 + 2);
      child_handle(flood).cancel();
    });
  });
}

TEST_CASE("text is read up to a delimiter, which is dropped", "[reader]") {
  const std::size_t chunk = GENERATE(whole, std::size_t{1}, std::size_t{2}, std::size_t{7});
  with_text("GET /\r\nHost: x\r\n\r\nbody--\r\n--rest", {.read_chunk = chunk}, [](reader& in) -> task<> {
    const auto head = std::string(co_await in.read_until("\r\n\r\n", 100));
    CHECK(head == "GET /\r\nHost: x");
    const auto body = std::string(co_await in.read_until("--", 100));
    CHECK(body == "body");
    const auto nothing = std::string(co_await in.read_until("\r\n--", 0));
    CHECK(nothing.empty());
    const auto cut = co_await in.read_until("\n", 100).result();
    CHECK(cut.error() == errc::unexpected_eof);
    CHECK(cut.error().count() == 4);
    CHECK(text_of(in.buffered()) == "rest");
  });
}

TEST_CASE("a delimiter is found up to the limit and not beyond", "[reader]") {
  const std::size_t chunk = GENERATE(whole, std::size_t{1}, std::size_t{2});
  with_text("12345==x==", {.read_chunk = chunk}, [](reader& in) -> task<> {
    const auto beyond = co_await in.read_until("==", 4).result();
    CHECK(beyond.error() == errc::limit_exceeded);
    CHECK(beyond.error().count() == 4);
    const auto found = std::string(co_await in.read_until("==", 5));
    CHECK(found == "12345");
    const auto last = std::string(co_await in.read_until("==", 1));
    CHECK(last == "x");
  });
}

TEST_CASE("an empty delimiter is refused", "[reader]") {
  auto [a, b] = make_memory_stream_pair();
  reader in(a);
  CHECK_THROWS_AS(static_cast<void>(in.read_until("", 10)), std::invalid_argument);
}

TEST_CASE("blocks of a known size are read whole", "[reader]") {
  const std::size_t chunk = GENERATE(whole, std::size_t{1}, std::size_t{3});
  with_text("headpayload12", {.read_chunk = chunk}, [](reader& in) -> task<> {
    const auto head = co_await in.read_exactly(4);
    CHECK(text_of(head) == "head");
    const auto none = co_await in.read_exactly(0);
    CHECK(none.empty());
    std::array<std::byte, 7> payload;
    co_await in.read_exactly(payload);
    CHECK(text_of(payload) == "payload");
    const auto cut = co_await in.read_exactly(3).result();
    CHECK(cut.error() == errc::unexpected_eof);
    CHECK(cut.error().count() == 2);
    const auto rest = co_await in.read_exactly(2);
    CHECK(text_of(rest) == "12");
    const auto ended = co_await in.read_exactly(1).result();
    CHECK(ended.error() == errc::unexpected_eof);
    CHECK(ended.error().count() == 0);
    const auto larger = co_await in.read_exactly(101, 100).result();
    CHECK(larger.error() == errc::limit_exceeded);
    CHECK(larger.error().count() == 100);
  });
}

TEST_CASE("large blocks are read into the caller's memory", "[reader]") {
  std::string text(300'000, '\0');
  for (std::size_t i = 0; i != text.size(); ++i) text[i] = static_cast<char>(i * 31 >> 3);
  with_text(text, {.capacity = 7000, .read_chunk = 4096, .chunk_seed = 5}, [&](reader& in) -> task<> {
    const auto first = co_await in.peek(100);
    CHECK(first.size() >= 100);
    std::vector<std::byte> block(200'000);
    co_await in.read_exactly(block);
    CHECK(text_of(block) == std::string_view(text).substr(0, block.size()));
    const auto cut = co_await in.read_exactly(block).result();
    CHECK(cut.error() == errc::unexpected_eof);
    CHECK(cut.error().count() == 100'000);
    const auto rest = co_await in.read_exactly(std::span(block).first(100'000)).result();
    CHECK(rest);
    CHECK(text_of(std::span(block).first(100'000)) == std::string_view(text).substr(200'000));
  });
}

TEST_CASE("what was peeked at stays", "[reader]") {
  with_text("peek", {.read_chunk = 1}, [](reader& in) -> task<> {
    const auto two = co_await in.peek(2);
    CHECK(text_of(two) == "pe");
    in.consume(1);
    const auto more = co_await in.peek(3);
    CHECK(text_of(more) == "eek");
    const auto all = co_await in.peek(10);
    CHECK(text_of(all) == "eek");
    const auto limited = co_await in.peek(11, 10).result();
    CHECK(limited.error() == errc::limit_exceeded);
    in.consume(3);
    const auto end = co_await in.peek(1);
    CHECK(end.empty());
  });
}

TEST_CASE("what a reader has kept can be handed over", "[reader]") {
  testing::run([]() -> task<> {
    auto [a, b] = make_memory_stream_pair();
    co_await a.write_all("Upgrade\nother protocol");
    reader in(b);
    const auto line = co_await in.read_line();
    CHECK(line == "Upgrade");
    const buffer_lease kept = in.take_buffered();
    CHECK(text_of(kept) == "other protocol");
    CHECK(in.buffered().empty());
    const buffer_lease none = in.take_buffered();
    CHECK(none.empty());
    CHECK(in.stream().target<memory_stream>() == &b);
  });
}

TEST_CASE("a reader goes on as a stream, with what it has kept first", "[reader]") {
  with_text("line\nabcdef", {}, [](reader& in) -> task<> {
    static_cast<void>(co_await in.read_line());
    std::array<std::byte, 4> bytes;
    const std::size_t four = co_await in.read(bytes);
    CHECK(four == 4);
    CHECK(text_of(bytes) == "abcd");
    const std::size_t nothing = co_await in.read({});
    CHECK(nothing == 0);
    const auto rest = co_await in.read_some();
    CHECK(text_of(rest) == "ef");
    const auto end = co_await in.read_some();
    CHECK(end.empty());
    const std::size_t ended = co_await in.read(bytes);
    CHECK(ended == 0);
  });
}

TEST_CASE("a read that was cancelled or ran out of time has lost nothing", "[reader]") {
  testing::run([]() -> task<> {
    auto [a, b] = make_memory_stream_pair();
    reader in(b);
    std::vector<std::byte> large(20'000);
    co_await a.write_all("begun");
    const auto late = co_await with_timeout(1ms, in.read_line()).result();
    CHECK(late.error() == errc::timed_out);
    const auto exact = co_await with_timeout(1ms, in.read_exactly(large)).result();
    CHECK(exact.error() == errc::timed_out);
    co_await a.write_all(std::string(10'000, '.'));
    const auto more = co_await with_timeout(1ms, in.read_exactly(large)).result();
    CHECK(more.error() == errc::timed_out);
    const auto block = co_await with_timeout(1ms, in.read_exactly(20'000)).result();
    CHECK(block.error() == errc::timed_out);
    const auto until = co_await with_timeout(1ms, in.read_until("!", 100'000)).result();
    CHECK(until.error() == errc::timed_out);
    co_await a.write_all("ended\n");
    const auto line = co_await in.read_line(20'000);
    REQUIRE(line);
    CHECK(*line == "begun" + std::string(10'000, '.') + "ended");
  });
}

TEST_CASE("a fault of the stream comes through, and what had come stays", "[reader]") {
  testing::run([]() -> task<> {
    auto [a, b] = make_memory_stream_pair();
    co_await a.write_all("partial");
    reader in(b);
    b.fail_read(2, EIO);
    const auto line = co_await in.read_line().result();
    CHECK(line.error() == std::errc::io_error);
    CHECK(text_of(in.buffered()) == "partial");
    std::vector<std::byte> large(10'000);
    b.fail_read(1, EIO);
    bool thrown = false;
    try {
      co_await in.read_exactly(large);
    } catch (const io_error& e) {
      thrown = e.code() == std::errc::io_error;
    }
    CHECK(thrown);
    CHECK(text_of(in.buffered()) == "partial");
  });
}

TEST_CASE("a second task that reads from a reader is told that it is busy", "[reader]") {
  testing::run([]() -> task<> {
    auto [a, b] = make_memory_stream_pair();
    reader in(b);
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> {
        const auto line = co_await in.read_line();
        CHECK(line == "for the first");
      });
      co_await yield();
      const auto second = co_await in.read_exactly(1).result();
      CHECK(second.error() == errc::busy);
      co_await a.write_all("for the first\n");
    });
    co_await a.write_all("!");
    const auto free = co_await in.read_exactly(1);
    CHECK(text_of(free) == "!");
  });
}

TEST_CASE("a reader that waits for the first byte holds no memory", "[reader]") {
  testing::run([]() -> task<> {
    auto [a, b] = make_memory_stream_pair();
    reader in(b);
    const testing::leak_check before;
    co_await a.write_all("line\n");
    static_cast<void>(co_await in.read_line());
    CHECK_FALSE(before.check().empty());
    const auto late = co_await with_timeout(1ms, in.read_line()).result();
    CHECK(late.error() == errc::timed_out);
    CHECK(before.check().empty());
  });
}

TEST_CASE("what is there already is read without a frame", "[reader]") {
  testing::run([]() -> task<> {
    auto [a, b] = make_memory_stream_pair();
    co_await a.write_all("first\nsecond\nthird\n");
    reader in(b);
    static_cast<void>(co_await in.read_line());
    const auto before = wring::detail::frame_recycler::stats();
    static_cast<void>(co_await in.read_line());
    static_cast<void>(co_await in.read_line());
    const auto after = wring::detail::frame_recycler::stats();
    CHECK(after.hits == before.hits);
    CHECK(after.misses == before.misses);
  });
}

TEST_CASE("nothing is read in a cancelled scope", "[reader]") {
  testing::run([]() -> task<> {
    auto [a, b] = make_memory_stream_pair();
    co_await a.write_all("one\ntwo\n");
    reader in(b);
    static_cast<void>(co_await in.read_line());
    cancel_scope scope;
    scope.cancel();
    const auto none = co_await scope.run(in.read_line());
    CHECK_FALSE(none);
    const auto line = co_await in.read_line();
    CHECK(line == "two");
  });
}

TEST_CASE("a reader can be cancelled wherever it waits", "[reader]") {
  const auto points = testing::cancel_everywhere([]() -> task<> {
    auto pair = make_memory_stream_pair({.capacity = 50, .read_chunk = 9, .chunk_seed = 2, .delay = 1ms});
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> {
        co_await pair.first.write_all("a line\nanother one that is longer\nexactly10!until;");
        co_await pair.first.write_all(std::string(9'000, '.'));
        co_await pair.first.close();
      });
      reader in(pair.second);
      static_cast<void>(co_await in.read_line());
      static_cast<void>(co_await in.read_line());
      static_cast<void>(co_await in.read_exactly(10));
      static_cast<void>(co_await in.read_until(";", 10));
      std::vector<std::byte> large(9'000);
      co_await in.read_exactly(large);
      static_cast<void>(co_await in.peek(1));
    });
  });
  CHECK(points > 100);
}
