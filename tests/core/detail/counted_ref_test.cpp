// SPDX-License-Identifier: MIT
#include <utility>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/detail/counted_ref.hpp>

namespace {

struct object {
  int references = 1;
  int frees = 0;
  void retain() noexcept { ++references; }
  void release() noexcept {
    if (--references == 0) ++frees;
  }
};

using reference = wring::detail::counted_ref<object>;

}  // namespace

TEST_CASE("a reference that was adopted is given up once", "[counted_ref]") {
  object o;
  {
    const reference adopted(&o);
    CHECK(adopted);
    CHECK(adopted.get() == &o);
    CHECK(&*adopted == &o);
    CHECK(o.references == 1);
  }
  CHECK(o.frees == 1);
}

TEST_CASE("copies and shares are counted, and moves are not", "[counted_ref]") {
  object o;
  object other;
  {
    reference first = reference::share(o);
    reference second = first;
    CHECK(o.references == 3);
    const reference third = std::move(first);
    CHECK_FALSE(first);
    CHECK(o.references == 3);
    second = reference(&other);
    CHECK(o.references == 2);
    auto& same = second;
    second = same;
    CHECK(other.references == 1);
    second = {};
    CHECK(other.frees == 1);
  }
  CHECK(o.references == 1);
  CHECK(o.frees == 0);
}

TEST_CASE("a reference can be given away", "[counted_ref]") {
  object o;
  {
    reference mine(&o);
    CHECK(mine.release() == &o);
    CHECK_FALSE(mine);
    CHECK(reference().release() == nullptr);
  }
  CHECK(o.references == 1);
}
