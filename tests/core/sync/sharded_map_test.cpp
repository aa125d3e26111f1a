// SPDX-License-Identifier: MIT
#include <atomic>
#include <optional>
#include <stdexcept>
#include <string>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/runtime.hpp>
#include <wring/core/sync/sharded_map.hpp>
#include <wring/core/this_task.hpp>

using wring::runtime;
using wring::sharded_map;
using wring::task;

TEST_CASE("a value is made when it is first updated, and found until it is erased", "[sharded_map]") {
  sharded_map<std::string, int> map(100);
  CHECK(map.update("a", [](int& n) { return n += 2; }) == 2);
  CHECK(map.update("a", [](int& n) { return n += 3; }) == 5);
  CHECK(map.update("b", [](int& n) { n = 7; }));
  CHECK(map.find("a") == 5);
  CHECK(map.find("c") == std::nullopt);
  CHECK(map.visit("b", [](const int& n) { return n * 2; }) == 14);
  CHECK_FALSE(map.visit("c", [](int&) {}));
  CHECK(map.size() == 2);
  CHECK_FALSE(map.erase_if("a", [](int& n) { return --n == 0; }));
  CHECK(map.find("a") == 4);
  CHECK(map.erase("a"));
  CHECK_FALSE(map.erase("a"));
  CHECK(map.size() == 1);
}

TEST_CASE("the limit is that of all keys together, and keys that are there can be updated at it", "[sharded_map]") {
  sharded_map<int, int> map(3);
  for (int key = 0; key != 3; ++key) CHECK(map.update(key, [](int&) {}));
  CHECK_FALSE(map.update(3, [](int&) {}));
  CHECK(map.update(3, [](int& n) { return n; }) == std::nullopt);
  CHECK(map.update(2, [](int& n) { return ++n; }) == 1);
  CHECK(map.erase(0));
  CHECK(map.update(3, [](int&) {}));
  CHECK(map.size() == map.limit());
  CHECK_THROWS_AS((sharded_map<int, int>(0)), std::invalid_argument);
}

TEST_CASE("a new key whose update fails is not kept, and takes no room", "[sharded_map]") {
  sharded_map<int, int> map(1);
  const auto fail = [](int&) { throw std::runtime_error("no"); };
  CHECK_THROWS_AS(map.update(1, fail), std::runtime_error);
  CHECK(map.size() == 0);
  CHECK(map.update(2, [](int& n) { return n; }) == 0);
  CHECK_THROWS_AS(map.update(2, fail), std::runtime_error);
  CHECK(map.find(2) == 0);
}

TEST_CASE("all entries can be looked at, and those erased that meet a condition", "[sharded_map]") {
  sharded_map<int, int> map(1000);
  for (int key = 0; key != 500; ++key) map.update(key, [key](int& n) { n = key; });
  int sum = 0;
  map.for_each([&](const int&, const int& n) { sum += n; });
  CHECK(sum == 499 * 500 / 2);
  CHECK(map.erase_if([](const int& key, int&) { return key % 2 == 0; }) == 250);
  CHECK(map.size() == 250);
  CHECK(map.find(10) == std::nullopt);
  CHECK(map.find(11) == 11);
}

TEST_CASE("schedulers that update the same keys lose no update and keep to the limit", "[sharded_map][threads]") {
  constexpr int keys = 50;
  constexpr int rounds = 400;
  sharded_map<int, int> counts(keys);
  for (int key = 0; key != keys; ++key) counts.update(key, [](int&) {});
  std::atomic<int> refused = 0;
  runtime(4).run([&]() -> task<> {
    for (int i = 0; i != rounds; ++i) {
      for (int key = 0; key != keys; ++key) counts.update(key, [](int& n) { ++n; });
      if (!counts.update(keys + i, [](int& n) { ++n; })) ++refused;
      co_await wring::yield();
    }
  });
  int wrong = 0;
  counts.for_each([&](const int&, const int& n) { wrong += static_cast<int>(n != 4 * rounds); });
  CHECK(wrong == 0);
  CHECK(counts.size() == keys);
  CHECK(refused == 4 * rounds);
}
