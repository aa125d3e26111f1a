// SPDX-License-Identifier: MIT
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/buffer_lease.hpp>
#include <wring/core/engine/buffer_pool.hpp>

using wring::buffer_lease;
using wring::buffer_pool;

TEST_CASE("a lease shows the bytes that came, and can be cut at both ends", "[buffer_lease]") {
  buffer_pool pool({.count = 1, .size = 16, .initial = 1});
  buffer_lease lease = pool.lease(0, 8);
  std::memcpy(lease.data(), "abcdefgh", 8);
  const auto text = [&lease] { return std::string(reinterpret_cast<const char*>(lease.data()), lease.size()); };
  REQUIRE(lease);
  REQUIRE(text() == "abcdefgh");
  REQUIRE(lease.end() - lease.begin() == 8);
  lease.consume(3);
  REQUIRE(text() == "defgh");
  lease.truncate(2);
  REQUIRE(text() == "de");
  REQUIRE(pool.leased() == 1);
  lease.consume(2);  // nothing is left: returned
  REQUIRE(pool.leased() == 0);
  REQUIRE(!lease);
  REQUIRE(lease.empty());
}

TEST_CASE("a lease moves, and is returned once", "[buffer_lease]") {
  buffer_pool pool({.count = 2, .size = 16, .initial = 2});
  {
    buffer_lease a = pool.lease(0, 4);
    buffer_lease b = std::move(a);
    REQUIRE(a.empty());
    REQUIRE(b.size() == 4);
    REQUIRE(pool.leased() == 1);
    buffer_lease c = pool.lease(1, 8);
    c = std::move(b);  // returns what it had
    REQUIRE(pool.leased() == 1);
    REQUIRE(c.size() == 4);
    auto& same = c;
    c = std::move(same);
    REQUIRE(c.size() == 4);
  }
  REQUIRE(pool.leased() == 0);
  buffer_lease empty_one = pool.lease(0, 0);  // holds a buffer although it has no bytes
  REQUIRE(pool.leased() == 1);
  empty_one.reset();
  empty_one.reset();
  REQUIRE(pool.leased() == 0);
}

TEST_CASE("a lease may be of memory of its own", "[buffer_lease]") {
  for (const std::size_t size : {std::size_t{1}, std::size_t{2048}, std::size_t{100'000}}) {
    buffer_lease own = buffer_lease::allocate(size);
    REQUIRE(own.size() == size);
    REQUIRE(reinterpret_cast<std::uintptr_t>(own.data()) % alignof(std::max_align_t) == 0);
    std::memset(own.data(), 'x', size);
    own.consume(size / 2);  // what is returned is the whole
  }
  REQUIRE(buffer_lease::allocate(0).empty());
  REQUIRE_THROWS_AS(buffer_lease::allocate(std::size_t{1} << 32), std::bad_alloc);
  const std::string text = "copied";
  const buffer_lease copy = buffer_lease::copy_of(std::as_bytes(std::span(text)));
  REQUIRE(std::string(reinterpret_cast<const char*>(copy.data()), copy.size()) == text);
  REQUIRE(static_cast<const void*>(copy.data()) != text.data());
}

TEST_CASE("a lease of anybody's memory tells its owner once", "[buffer_lease]") {
  std::vector<std::uint32_t> released;
  std::array<std::byte, 4> memory{};
  const auto release = [](void* owner, std::uint32_t tag) noexcept {
    static_cast<std::vector<std::uint32_t>*>(owner)->push_back(tag);
  };
  {
    buffer_lease one(memory.data(), memory.size(), release, &released, 7);
    buffer_lease two(std::move(one));
    REQUIRE(released.empty());
  }
  REQUIRE(released == std::vector<std::uint32_t>{7});
  {
    const buffer_lease none(nullptr, 0, release, &released, 8);
  }
  REQUIRE(released == std::vector<std::uint32_t>{7, 8});
}
