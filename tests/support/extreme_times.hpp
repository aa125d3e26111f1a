// SPDX-License-Identifier: MIT
#pragma once

#include <bit>
#include <chrono>
#include <concepts>
#include <cstdint>
#include <limits>
#include <random>
#include <ratio>
#include <type_traits>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/duration.hpp>

#include "captured_log.hpp"

namespace wring::tests {

/// Some that a program may well have, and some that are meant to break something.
template <class Time>
std::vector<Time> extreme_times(std::uint32_t seed, int random_ones) {
  using rep = typename Time::rep;
  std::vector<Time> times{Time::max(), Time::min(), Time(0), Time(1), Time(7)};
  if constexpr (std::is_signed_v<rep>) times.push_back(Time(-1));
  if constexpr (std::floating_point<rep>) {
    using limits = std::numeric_limits<rep>;
    for (const rep each : {limits::infinity(), -limits::infinity(), limits::quiet_NaN(), limits::denorm_min(),
                           limits::epsilon(), rep(0.1), rep(9.223372036854775807e18), rep(-9.3e18)}) {
      times.push_back(Time(each));
    }
  }
  std::mt19937_64 random(seed);
  for (int i = 0; i != random_ones; ++i) {
    // As many small ones as large ones.
    const std::uint64_t bits = random() >> (random() % 64);
    if constexpr (std::floating_point<rep>) {
      times.push_back(Time(static_cast<rep>(std::bit_cast<double>(random()))));
    } else {
      times.push_back(Time(static_cast<rep>(bits)));
      times.push_back(Time(static_cast<rep>(~bits)));
    }
  }
  return times;
}

using seconds_in_double = std::chrono::duration<double>;
using hours_in_float = std::chrono::duration<float, std::ratio<3600>>;
using minutes_in_int = std::chrono::duration<int, std::ratio<60>>;
using unsigned_milliseconds = std::chrono::duration<std::uint64_t, std::milli>;
using picoseconds = std::chrono::duration<std::int64_t, std::pico>;
using thirds = std::chrono::duration<std::int64_t, std::ratio<1, 3>>;
using aeons = std::chrono::duration<std::int64_t, std::exa>;

/// Calls `fn(time)` with extreme times of many types.
template <class Fn>
void for_extreme_times(std::uint32_t seed, int random_ones, Fn fn) {
  const auto of_type = [&]<class Time>(std::type_identity<Time>) {
    for (const Time& each : extreme_times<Time>(seed, random_ones)) fn(each);
  };
  of_type(std::type_identity<std::chrono::nanoseconds>());
  of_type(std::type_identity<std::chrono::milliseconds>());
  of_type(std::type_identity<std::chrono::seconds>());
  of_type(std::type_identity<std::chrono::hours>());
  of_type(std::type_identity<std::chrono::years>());
  of_type(std::type_identity<seconds_in_double>());
  of_type(std::type_identity<hours_in_float>());
  of_type(std::type_identity<minutes_in_int>());
  of_type(std::type_identity<unsigned_milliseconds>());
  of_type(std::type_identity<picoseconds>());
  of_type(std::type_identity<thirds>());
  of_type(std::type_identity<aeons>());
}

/// Calls `check(time)` with those of two types, which what is checked has to take as they are, and with the others as
/// durations. What is logged meanwhile is dropped.
template <class Fn>
void fuzz_times(Fn check) {
  const captured_log log;
  const std::uint32_t seed = std::random_device()();
  CAPTURE(seed);
  for (const auto time : extreme_times<std::chrono::hours>(seed, 4)) {
    CAPTURE(time.count());
    check(time);
  }
  for (const auto time : extreme_times<seconds_in_double>(seed, 4)) {
    CAPTURE(time.count());
    check(time);
  }
  for_extreme_times(seed, 2, [&](duration time) {
    CAPTURE(time.count());
    check(time);
  });
}

}  // namespace wring::tests
