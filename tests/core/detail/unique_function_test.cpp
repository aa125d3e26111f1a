// SPDX-License-Identifier: MIT
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/detail/unique_function.hpp>

using wring::detail::unique_function;

static_assert(sizeof(unique_function<void()>) == 56);
static_assert(std::is_nothrow_move_constructible_v<unique_function<void()>>);
static_assert(std::is_nothrow_move_assignable_v<unique_function<void()>>);
static_assert(!std::is_copy_constructible_v<unique_function<void()>>);
static_assert(!std::is_constructible_v<unique_function<void()>, int>);
static_assert(!std::is_constructible_v<unique_function<int()>, std::string (*)()>);

namespace {

/// Says where it is; counts how many of its kind there are.
template <std::size_t Size, bool Nothrow = true, std::size_t Alignment = alignof(void*)>
struct alignas(Alignment) located {
  static inline int alive = 0;

  located() { ++alive; }
  located(located&&) noexcept(Nothrow) { ++alive; }
  ~located() { --alive; }
  const void* operator()() { return this; }

  std::array<std::byte, Size> bytes{};
};

template <class Callable>
bool held_inline() {
  unique_function<const void*()> f{Callable{}};
  unique_function<const void*()> moved = std::move(f);
  const auto at = reinterpret_cast<std::uintptr_t>(moved());
  const auto begin = reinterpret_cast<std::uintptr_t>(&moved);
  CHECK(at % alignof(Callable) == 0);
  CHECK(Callable::alive == 1);
  return at >= begin && at < begin + sizeof moved;
}

int twice(int i) { return 2 * i; }

}  // namespace

TEST_CASE("an empty function throws when it is called", "[unique_function]") {
  unique_function<int(int)> f;
  CHECK_FALSE(f);
  CHECK_THROWS_AS(f(1), std::bad_function_call);
  unique_function<int(int)> null_pointer = static_cast<int (*)(int)>(nullptr);
  CHECK_FALSE(null_pointer);
  unique_function<std::size_t(const std::string&)> null_member =
      static_cast<std::size_t (std::string::*)() const>(nullptr);
  CHECK_FALSE(null_member);
  unique_function<int(int)> moved_from = twice;
  CHECK(moved_from(4) == 8);
  f = std::move(moved_from);
  CHECK(f(5) == 10);
  CHECK_THROWS_AS(moved_from(1), std::bad_function_call);  // NOLINT: emptiness after a move is promised
  f = nullptr;
  CHECK_FALSE(f);
}

TEST_CASE("callables that cannot be copied are held", "[unique_function]") {
  auto owned = std::make_unique<int>(7);
  unique_function<int()> f = [owned = std::move(owned)] { return *owned; };
  auto g = std::move(f);
  CHECK(g() == 7);
}

TEST_CASE("state is kept from call to call", "[unique_function]") {
  unique_function<int()> f = [n = 0]() mutable { return ++n; };
  CHECK(f() == 1);
  auto g = std::move(f);
  CHECK(g() == 2);
}

TEST_CASE("arguments and results are forwarded as they are", "[unique_function]") {
  unique_function<std::unique_ptr<int>(std::unique_ptr<int>)> pass = [](std::unique_ptr<int> p) { return p; };
  CHECK(*pass(std::make_unique<int>(3)) == 3);
  unique_function<int&(int&)> same = [](int& i) -> int& { return ++i; };
  int i = 1;
  CHECK(&same(i) == &i);
  CHECK(i == 2);
  unique_function<std::size_t(const std::string&)> member = &std::string::size;
  CHECK(member("four") == 4);
  unique_function<void()> dropped = [&i] { return ++i; };
  dropped();
  CHECK(i == 3);
}

TEST_CASE("small callables that move without throwing are held inline", "[unique_function]") {
  CHECK(held_inline<located<1>>());
  CHECK(held_inline<located<40>>());
  CHECK_FALSE(held_inline<located<41>>());
  CHECK_FALSE(held_inline<located<500>>());
  CHECK_FALSE(held_inline<located<8, false>>());
  CHECK_FALSE(held_inline<located<32, true, 32>>());
}

TEST_CASE("every callable is destroyed once", "[unique_function]") {
  using small = located<16>;
  using large = located<160>;
  {
    unique_function<const void*()> a{small{}}, b{large{}}, c{small{}}, d;
    CHECK(small::alive == 2);
    CHECK(large::alive == 1);
    a = std::move(b);
    CHECK(small::alive == 1);
    CHECK(large::alive == 1);
    d = std::move(a);
    c = nullptr;
    CHECK(small::alive == 0);
    CHECK(large::alive == 1);
    auto& alias = d;
    d = std::move(alias);
    CHECK(d() != nullptr);
    std::swap(c, d);
    CHECK(c() != nullptr);
  }
  CHECK(large::alive == 0);
}

TEST_CASE("an exception passes through a call and from a constructor", "[unique_function]") {
  unique_function<void()> f = [] { throw std::string("thrown"); };
  CHECK_THROWS_AS(f(), std::string);
  struct picky {
    picky() = default;
    picky(const picky&) { throw 1; }
    void operator()() const {}
  };
  const picky source;
  CHECK_THROWS_AS(unique_function<void()>(source), int);
}
