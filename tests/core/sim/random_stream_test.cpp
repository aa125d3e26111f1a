// SPDX-License-Identifier: MIT
#include <cstdint>
#include <set>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/sim/random_stream.hpp>

using wring::sim::random_stream;

TEST_CASE("a stream is the same everywhere", "[sim]") {
  random_stream s(1, "link a>b");
  CHECK(s.next() == random_stream(1, "link a>b").next());
  static_assert(random_stream(1, "x").next() == random_stream(1, "x").next());
  CHECK(s.drawn() == 1);
}

TEST_CASE("streams of other names, numbers and seeds differ, and do not disturb each other", "[sim]") {
  random_stream parent(1, "host");
  const std::uint64_t expected = parent.split("ports").next();
  std::set<std::uint64_t> firsts{expected,
                                 random_stream(2, "host").split("ports").next(),
                                 parent.split("faults").next(),
                                 parent.split(1).next(),
                                 parent.split(2).next(),
                                 random_stream(1, "host").next()};
  CHECK(firsts.size() == 6);
  for (int i = 0; i != 100; ++i) static_cast<void>(parent.next());
  CHECK(parent.split("ports").next() == expected);
}

TEST_CASE("chances and means are about what was asked for", "[sim]") {
  random_stream s(4, "chances");
  int hits = 0;
  std::int64_t sum = 0;
  constexpr int rounds = 100'000;
  constexpr std::int64_t mean = 1'000'000;
  for (int i = 0; i != rounds; ++i) {
    hits += s.chance(250'000) ? 1 : 0;
    sum += s.exponential(mean);
  }
  CHECK(hits > rounds / 4 - 1000);
  CHECK(hits < rounds / 4 + 1000);
  CHECK(sum / rounds > mean * 9 / 10);
  CHECK(sum / rounds < mean * 11 / 10);
  CHECK_FALSE(s.chance(0));
  CHECK(s.chance(1'000'000));
}
