// SPDX-License-Identifier: MIT
// Readers and writers whose buffers serve many operations in a row.

#include <array>
#include <chrono>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/cancel_scope.hpp>
#include <wring/core/testing/run.hpp>
#include <wring/core/this_task.hpp>
#include <wring/core/timeout.hpp>
#include <wring/core/when_all.hpp>
#include <wring/net/memory_stream.hpp>
#include <wring/net/reader.hpp>
#include <wring/net/writer.hpp>

using namespace std::chrono_literals;
using namespace wring;
using net::make_memory_stream_pair;
using net::reader;

namespace {

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

TEST_CASE("reads that are served from the buffer count as awaits that end at once", "[reader]") {
  testing::run(
      []() -> task<> {
        auto pair = make_memory_stream_pair();
        co_await pair.first.write_all("one\ntwo\nthree\n" + std::string(5000, '\n'));
        reader in(pair.second);
        co_await in.peek(5000);
        int turns = 0;
        bool stop = false;
        auto count = [&]() -> task<> {
          while (!stop) {
            ++turns;
            co_await yield();
          }
        };
        auto busy = [&]() -> task<> {
          for (int i = 0; i != 40; ++i) co_await in.peek(3);
          const auto one = co_await in.read_line();
          CHECK(one == "one");
          const auto two = co_await in.read_until("\n", 10);
          CHECK(two == "two");
          std::array<std::byte, 6> six;
          co_await in.read_exactly(six);
          CHECK(text_of(six) == "three\n");
          for (int i = 0; i != 40; ++i) {
            const auto line = co_await in.read_line();
            CHECK(line == "");
          }
          for (int i = 0; i != 20; ++i) {
            const auto block = co_await in.read_exactly(i % 2 == 0 ? 1 : 2).result();
            CHECK(block->size() == (i % 2 == 0 ? 1U : 2U));
          }
          stop = true;
        };
        co_await when_all(busy(), count());
        CHECK(turns >= 9);
        CHECK(turns <= 12);
        CHECK(in.buffered().size() == 5000 - 70);
      },
      {.leaf_budget = 10});
}

TEST_CASE("a task that is served from the buffer of a reader can be cancelled, and sees its deadline",
          "[reader][real_time]") {
  testing::run([]() -> task<> {
    auto pair = make_memory_stream_pair();
    co_await pair.first.write_all("one two three");
    reader in(pair.second);
    co_await in.peek(3);
    constexpr int most = 1'000'000;
    int peeks = 0;
    cancel_scope scope;
    auto busy = [&]() -> task<> {
      for (; peeks != most; ++peeks) co_await in.peek(3);
    };
    auto cancel = [&]() -> task<> {
      scope.cancel();
      co_return;
    };
    auto scoped = [&] { return scope.run(busy); };
    const auto [finished, nothing] = co_await when_all(scoped, cancel);
    CHECK_FALSE(finished);
    CHECK(peeks < 1000);
    CHECK(text_of(in.buffered()) == "one two three");

    const bool in_time = co_await move_on_after(1ms, busy);
    CHECK_FALSE(in_time);
    CHECK(peeks < most);
  });
}

TEST_CASE("another task may take what a reader that yielded was to be served", "[reader]") {
  testing::run(
      []() -> task<> {
        auto pair = make_memory_stream_pair();
        co_await pair.first.write_all("one\ntwo\n");
        reader in(pair.second);
        co_await in.peek(8);
        std::vector<std::string> lines;
        auto read = [&](int count) -> task<> {
          for (int i = 0; i != count; ++i) {
            const auto line = co_await in.read_line();
            lines.emplace_back(*line);
          }
        };
        auto write = [&]() -> task<> {
          co_await yield();
          co_await pair.first.write_all("three\n");
        };
        co_await when_all(read(2), read(1), write());
        CHECK(lines == std::vector<std::string>{"one", "two", "three"});
      },
      {.leaf_budget = 1});
}

TEST_CASE("writes into the buffer count as awaits that end at once", "[writer]") {
  testing::run(
      []() -> task<> {
        auto pair = make_memory_stream_pair();
        net::writer out(pair.first);
        int turns = 0;
        bool stop = false;
        auto count = [&]() -> task<> {
          while (!stop) {
            ++turns;
            co_await yield();
          }
        };
        auto busy = [&]() -> task<> {
          for (int i = 0; i != 50; ++i) co_await out.flush();
          for (int i = 0; i != 50; ++i) co_await out.write("x");
          stop = true;
        };
        co_await when_all(busy(), count());
        CHECK(turns >= 9);
        CHECK(turns <= 12);
        CHECK(out.buffered() == 50);
        co_await out.flush();
        CHECK(pair.second.unread() == 50);
      },
      {.leaf_budget = 10});
}

TEST_CASE("a write that yielded and was cancelled meanwhile has kept nothing", "[writer]") {
  testing::run(
      []() -> task<> {
        auto pair = make_memory_stream_pair();
        net::writer out(pair.first);
        cancel_scope scope;
        auto busy = [&]() -> task<> {
          co_await out.write("1");
          co_await out.write("2");
        };
        auto cancel = [&]() -> task<> {
          scope.cancel();
          co_return;
        };
        auto scoped = [&] { return scope.run(busy); };
        const auto [finished, nothing] = co_await when_all(scoped, cancel);
        CHECK_FALSE(finished);
        CHECK(out.buffered() == 1);
      },
      {.leaf_budget = 1});
}
