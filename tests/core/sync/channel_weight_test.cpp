// SPDX-License-Identifier: MIT
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <wring/core/nursery.hpp>
#include <wring/core/sleep.hpp>
#include <wring/core/sync/channel.hpp>
#include <wring/core/testing/cancel_everywhere.hpp>
#include <wring/core/testing/run.hpp>
#include <wring/core/testing/task_test.hpp>
#include <wring/core/this_task.hpp>
#include <wring/core/when_all.hpp>

using namespace std::chrono_literals;
using namespace std::string_literals;
using wring::nursery;
using wring::task;

namespace {

using strings = std::vector<std::string>;
using text_channel = wring::channel<std::string, wring::weight_in_bytes>;

task<> send_and_note(text_channel& c, strings& log, std::string item) {
  co_await c.send(item);
  log.push_back(std::move(item));
}

strings drain(text_channel& c) {
  strings items;
  while (const auto item = c.try_receive()) items.push_back(*item);
  return items;
}

}  // namespace

TEST_CASE("a channel can be bounded by the weight of its items", "[channel]") {
  text_channel c({.items = 10, .weight = 10});
  CHECK(c.capacity() == 10);
  CHECK(c.try_send("1234"s));
  CHECK(c.try_send("12345"s));
  CHECK(c.weight() == 9);
  std::string kept = "12";
  CHECK_FALSE(c.try_send(std::move(kept)));
  CHECK(kept == "12");  // NOLINT: it was not moved from
  CHECK(c.try_send(""s));
  CHECK(c.try_send("1"s));
  CHECK(c.size() == 4);
  CHECK(c.weight() == 10);
  CHECK(drain(c) == strings{"1234", "12345", "", "1"});
  CHECK(c.weight() == 0);
}

TEST_CASE("the number of items remains bounded too", "[channel]") {
  text_channel c({.items = 2, .weight = 100});
  CHECK(c.try_send(""s));
  CHECK(c.try_send(""s));
  CHECK_FALSE(c.try_send(""s));
}

TEST_CASE("an item that is too heavy goes in alone", "[channel]") {
  text_channel c({.items = 10, .weight = 4});
  CHECK(c.try_send("1"s));
  CHECK_FALSE(c.try_send("123456"s));
  CHECK(c.try_receive());
  CHECK(c.try_send("123456"s));
  CHECK(c.weight() == 6);
  CHECK_FALSE(c.try_send(""s));
  CHECK(drain(c) == strings{"123456"});
}

TEST_CASE("light items do not overtake a heavy one, and go in together behind it", "[channel]") {
  strings log;
  wring::testing::run([&]() -> task<> {
    text_channel c({.items = 10, .weight = 6});
    CHECK(c.try_send("1234"s));
    co_await wring::with_nursery([&](nursery& n) -> task<> {
      n.start(send_and_note, std::ref(c), std::ref(log), "abcd"s);
      n.start(send_and_note, std::ref(c), std::ref(log), "e"s);
      n.start(send_and_note, std::ref(c), std::ref(log), "f"s);
      n.start(send_and_note, std::ref(c), std::ref(log), "g"s);
      co_await wring::yield();
      CHECK_FALSE(c.try_send("x"s));
      CHECK(log.empty());
      CHECK(c.try_receive() == "1234");
      co_await wring::yield();
      CHECK(log == strings{"abcd", "e", "f"});
      CHECK(c.weight() == 6);
      CHECK(c.try_receive() == "abcd");
    });
    CHECK(log == strings{"abcd", "e", "f", "g"});
    CHECK(drain(c) == strings{"e", "f", "g"});
  });
}

TEST_CASE("a heavy item that is not sent after all makes way for light ones", "[channel]") {
  strings log;
  wring::testing::run([&]() -> task<> {
    text_channel c({.items = 10, .weight = 6});
    CHECK(c.try_send("1234"s));
    co_await wring::with_nursery([&](nursery& n) -> task<> {
      auto heavy = n.start(send_and_note, std::ref(c), std::ref(log), "abcd"s);
      n.start(send_and_note, std::ref(c), std::ref(log), "e"s);
      co_await wring::yield();
      heavy.cancel();
      co_await wring::yield();
      CHECK(log == strings{"e"});
    });
    CHECK(drain(c) == strings{"1234", "e"});
  });
}

TASK_TEST("items that come back count with their weight", "[channel]") {
  text_channel c({.items = 10, .weight = 5});
  strings log;
  auto fail = []() -> task<> {
    co_await wring::yield();
    throw std::runtime_error("no");
  };
  CHECK(c.try_send("1234"s));
  CHECK_THROWS_AS(co_await wring::when_all(c.receive(), fail()), std::runtime_error);
  CHECK(c.weight() == 4);
  CHECK_FALSE(c.try_send("ab"s));
  co_await wring::with_nursery([&](nursery& n) -> task<> {
    n.start(send_and_note, std::ref(c), std::ref(log), "ab"s);
    co_await wring::yield();
    CHECK(c.try_receive() == "1234");
  });
  CHECK(log == strings{"ab"});
  CHECK(c.weight() == 2);
}

TEST_CASE("a weight may be what the program says", "[channel]") {
  struct cost {
    std::size_t each = 0;
    std::size_t operator()(const std::unique_ptr<int>& item) const noexcept {
      return each * static_cast<std::size_t>(*item);
    }
  };
  wring::channel<std::unique_ptr<int>, cost> c({.items = 10, .weight = 10}, cost{.each = 2});
  CHECK(c.try_send(std::make_unique<int>(3)));
  CHECK_FALSE(c.try_send(std::make_unique<int>(3)));
  CHECK(c.try_send(std::make_unique<int>(2)));
  CHECK(c.weight() == 10);
}

TEST_CASE("items of any weight come in order, and none is lost", "[channel]") {
  const std::size_t items = GENERATE(0U, 1U, 3U, 100U);
  strings sent;
  strings received;
  wring::testing::run([&]() -> task<> {
    text_channel c({.items = items, .weight = 20});
    co_await wring::with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> {
        while (auto item = co_await c.receive()) {
          CHECK((c.weight() <= 20 || c.size() == 1));
          received.push_back(std::move(*item));
          if (received.size() % 5 == 0) co_await wring::yield();
        }
      });
      for (std::size_t i = 0; i != 200; ++i) {
        sent.emplace_back(i * 7 % 30, static_cast<char>('a' + i % 26));
        co_await c.send(sent.back());
      }
      c.close();
    });
  });
  CHECK(received == sent);
}

TEST_CASE("tasks that use a channel bounded by weight can be cancelled everywhere", "[channel]") {
  const auto points = wring::testing::cancel_everywhere([]() -> task<> {
    text_channel c({.items = 10, .weight = 5});
    co_await wring::with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> {
        while (co_await c.receive()) co_await wring::sleep_for(1ms);
      });
      for (std::size_t i = 0; i != 6; ++i) co_await c.emplace(i * 2, 'x');
      c.close();
    });
  });
  CHECK(points > 5);
}
