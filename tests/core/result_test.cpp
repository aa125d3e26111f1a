// SPDX-License-Identifier: MIT
#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <sys/wait.h>
#include <type_traits>
#include <unistd.h>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/result.hpp>

using wring::errc;
using wring::error;
using wring::result;

namespace {

const error refused = error::from_errno(ECONNREFUSED, "connect to");

/// Counts the objects alive.
struct counted {
  explicit counted(int v = 0) : number(v) { ++alive; }
  counted(const counted& other) : number(other.number) { ++alive; }
  counted(counted&& other) noexcept : number(std::exchange(other.number, -1)) { ++alive; }
  counted& operator=(const counted&) = default;
  counted& operator=(counted&&) = default;
  ~counted() { --alive; }

  int number;
  static inline int alive = 0;
};

result<std::string> greet(bool well) {
  if (!well) return refused;
  return "hello";
}

struct immovable {
  explicit immovable(int v) : number(v) {}
  immovable(immovable&&) = delete;
  int number;
};

}  // namespace

static_assert(std::is_trivially_copyable_v<result<std::size_t>> && std::is_trivially_copyable_v<result<void>>);
static_assert(sizeof(result<std::size_t>) <= 56 && sizeof(result<void>) <= 56);
static_assert(std::is_trivially_destructible_v<result<int>>);
static_assert(!std::is_copy_constructible_v<result<std::unique_ptr<int>>>);
static_assert(std::is_nothrow_move_constructible_v<result<std::unique_ptr<int>>>);
static_assert(!std::is_convertible_v<std::size_t, result<std::vector<int>>>, "explicit constructors stay explicit");
static_assert(std::is_constructible_v<result<std::vector<int>>, std::size_t>);
static_assert(!std::is_convertible_v<result<int>, bool>);

static_assert([] {
  result<int> number = 41;
  ++*number;
  return number.value() == 42 && result<void>().has_value();
}());

TEST_CASE("a result holds a value", "[result]") {
  auto r = greet(true);
  REQUIRE(r);
  CHECK(r.has_value());
  CHECK(*r == "hello");
  CHECK(r->size() == 5);
  CHECK(r.value() == "hello");
  CHECK(std::as_const(r).value() == "hello");
  CHECK(std::as_const(r)->size() == 5);
  CHECK(r.value_or("bye") == "hello");
  CHECK(r.take() == "hello");
  CHECK(r->empty());
}

TEST_CASE("a result holds an error", "[result]") {
  auto r = greet(false);
  REQUIRE_FALSE(r);
  CHECK_FALSE(r.has_value());
  CHECK(r.error() == std::errc::connection_refused);
  CHECK(r.value_or("bye") == "bye");
  CHECK(greet(false).value_or("bye") == "bye");
  CHECK_THROWS_AS(r.value(), wring::io_error);
  CHECK_THROWS_AS(std::as_const(r).value(), wring::io_error);
  CHECK_THROWS_AS(std::move(r).value(), wring::io_error);
  CHECK_THROWS_AS(r.take(), wring::io_error);
  CHECK_THROWS_AS(result<int>(error(errc::timed_out, "connect to")).value(), wring::timeout_error);
}

TEST_CASE("a result of nothing is success or an error", "[result]") {
  const result<> good;
  CHECK(good);
  CHECK_NOTHROW(good.value());
  CHECK_NOTHROW(good.take());
  *good;

  const result<void> bad = refused;
  CHECK_FALSE(bad);
  CHECK(bad.error() == std::errc::connection_refused);
  CHECK_THROWS_AS(bad.value(), wring::io_error);
  CHECK_THROWS_AS(bad.take(), wring::io_error);
}

TEST_CASE("a result may hold what only moves, or does not even move", "[result]") {
  result<std::unique_ptr<int>> r = std::make_unique<int>(7);
  auto other = std::move(r);
  CHECK(**other == 7);
  const std::unique_ptr<int> out = std::move(other).value();
  CHECK(*out == 7);
  CHECK(*other == nullptr);
  CHECK(result<std::unique_ptr<int>>(refused).value_or(std::make_unique<int>(1)) != nullptr);

  const result<immovable> stays(std::in_place, 3);
  CHECK(stays->number == 3);
}

TEST_CASE("a result destroys exactly what it holds", "[result]") {
  {
    const result<counted> value(std::in_place, 1);
    const result<counted> failure = refused;
    CHECK(counted::alive == 1);
    const result<counted> copies[] = {value, failure};
    CHECK(counted::alive == 2);
    CHECK(copies[0]->number == 1);
    CHECK(copies[1].error() == std::errc::connection_refused);
  }
  CHECK(counted::alive == 0);
}

TEST_CASE("a result can be assigned in every combination", "[result]") {
  for (const bool left : {true, false}) {
    for (const bool right : {true, false}) {
      const auto make = [](bool value, int number) {
        return value ? result<counted>(std::in_place, number)
                     : result<counted>(error(errc::closed, "x").with_count(static_cast<unsigned>(number)));
      };
      const auto holds = [&](const result<counted>& r, int number) {
        return r.has_value() == right && (right ? r->number == number : r.error().count() == unsigned(number));
      };
      auto copied = make(left, 1);
      const auto from = make(right, 2);
      copied = from;
      CHECK(holds(copied, 2));
      CHECK(holds(from, 2));
      auto moved = make(left, 1);
      moved = make(right, 3);
      CHECK(holds(moved, 3));
      auto& self = moved;
      moved = self;
      CHECK(holds(moved, 3));
      moved = std::move(self);
      CHECK(holds(moved, 3));
      CHECK(counted::alive == (right ? 3 : 0));
    }
  }
  CHECK(counted::alive == 0);
}

TEST_CASE("a copy that throws leaves the target of an assignment as it was", "[result]") {
  struct fragile {
    explicit fragile(bool f) : fails(f) {}
    fragile(const fragile& other) : fails(other.fails) {
      if (fails) throw std::runtime_error("copy");
    }
    fragile(fragile&&) noexcept = default;
    fragile& operator=(const fragile&) = default;
    fragile& operator=(fragile&&) = default;
    bool fails;
  };
  const result<fragile> bad(std::in_place, true);
  result<fragile> target = refused;
  CHECK_THROWS(target = bad);
  CHECK(target.error() == std::errc::connection_refused);
}

TEST_CASE("results hold types that convert to and from many things", "[result]") {
  const result<std::optional<int>> none = std::nullopt;
  CHECK(none);
  CHECK_FALSE(none->has_value());
  const result<bool> no = false;
  CHECK(no.has_value());
  CHECK_FALSE(*no);
  const result<std::string> empty{};
  CHECK(empty->empty());
}

#if WRING_CHECKS
TEST_CASE("the wrong half of a result ends a checked process with a message", "[result]") {
  const auto last_words = [](auto misuse) {
    std::array<int, 2> ends{};
    REQUIRE(::pipe(ends.data()) == 0);
    const pid_t child = ::fork();
    if (child == 0) {
      ::dup2(ends[1], STDERR_FILENO);
      std::signal(SIGABRT, SIG_DFL);
      misuse();
      ::_exit(0);
    }
    REQUIRE(child > 0);
    ::close(ends[1]);
    std::string text(1000, ' ');
    const auto size = ::read(ends[0], text.data(), text.size());
    text.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    ::close(ends[0]);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(WIFSIGNALED(status));
    CHECK(WTERMSIG(status) == SIGABRT);
    return text;
  };
  const auto no_value =
      "wring: operator* or -> of a result that holds an error: ask has_value() first, or use value()\n";
  const auto no_error = "wring: error() of a result that holds a value\n";
  CHECK(last_words([] { (void)*greet(false); }) == no_value);
  CHECK(last_words([] { (void)greet(false)->size(); }) == no_value);
  CHECK(last_words([] { *result<>(refused); }) == no_value);
  CHECK(last_words([] { (void)greet(true).error(); }) == no_error);
  CHECK(last_words([] { (void)result<>().error(); }) == no_error);
}
#endif
