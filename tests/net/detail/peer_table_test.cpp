// SPDX-License-Identifier: MIT
#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/net/detail/peer_table.hpp>
#include <wring/net/socket_address.hpp>

#include "support/allocation_count.hpp"

namespace {

using namespace wring;
using net::socket_address;
using net::detail::peer_table;

error_address at(std::string_view text) { return socket_address(text); }

TEST_CASE("a peer has at most its number of slots, whatever its ports", "[serve]") {
  peer_table table(2);
  std::optional<peer_table::slot> a = table.enter(at("192.0.2.1:1"));
  REQUIRE(a);
  {
    const auto b = table.enter(at("192.0.2.1:2"));
    REQUIRE(b);
    REQUIRE(!table.enter(at("192.0.2.1:3")));
    REQUIRE(table.enter(at("192.0.2.2:3")));
  }
  auto c = table.enter(at("192.0.2.1:3"));
  REQUIRE(c);
  REQUIRE(table.size() == 1);
  peer_table::slot moved = std::move(*c);
  a.reset();
  REQUIRE(table.size() == 1);
  moved = {};
  REQUIRE(table.size() == 0);
}

TEST_CASE("an IPv6 peer is its network of 64 bits, and a link-local one its address", "[serve]") {
  peer_table table(1);
  const auto one = table.enter(at("[2001:db8:0:1::1]:1"));
  REQUIRE(one);
  REQUIRE(!table.enter(at("[2001:db8:0:1:ffff::1]:1")));
  REQUIRE(table.enter(at("[2001:db8:0:2::1]:1")));
  const auto near = table.enter(at("[fe80::1%2]:1"));
  REQUIRE(near);
  REQUIRE(table.enter(at("[fe80::2%2]:1")));
  REQUIRE(!table.enter(at("[fe80::1%2]:2")));
}

TEST_CASE("what has no IP address, and what has no limit, is not counted", "[serve]") {
  peer_table one(1);
  std::vector<peer_table::slot> slots;
  for (const error_address& peer : {at("unix:/run/x"), at("unix:/run/x"), error_address(), error_address()}) {
    auto slot = one.enter(peer);
    REQUIRE(slot);
    slots.push_back(std::move(*slot));
  }
  REQUIRE(one.size() == 0);
  peer_table all(unlimited);
  const auto free = all.enter(at("192.0.2.1:1"));
  REQUIRE(free);
  REQUIRE(all.size() == 0);
}

TEST_CASE("peers come and go without allocations", "[serve]") {
  if (!tests::counts_allocations) SKIP("nothing is recycled under a sanitizer");
  peer_table table(1);
  const error_address peer = at("192.0.2.1:1");
  static_cast<void>(table.enter(peer));
  const std::size_t before = tests::allocations();
  for (int i = 0; i < 10; ++i) {
    const auto slot = table.enter(peer);
    REQUIRE(slot);
  }
  REQUIRE(tests::allocations() == before);
}

}  // namespace
