// SPDX-License-Identifier: MIT
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <linux/io_uring.h>
#include <new>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/buffer_lease.hpp>
#include <wring/core/detail/sanitizers.hpp>
#include <wring/core/engine/buffer_pool.hpp>

#include "support/child_process.hpp"

namespace {

using namespace wring;
using testing::run_in_child;

/// Notes when it is told of a buffer.
struct noting_waiter : buffer_pool::waiter {
  std::string* order;
  char name;
  noting_waiter(std::string& o, char n) : order(&o), name(n) {
    on_buffer = [](buffer_pool::waiter& w) noexcept {
      auto& self = static_cast<noting_waiter&>(w);
      *self.order += self.name;
    };
  }
};

TEST_CASE("a pool hands out its buffers, and first what came back last", "[buffer_pool]") {
  buffer_pool pool({.count = 4, .size = 16, .initial = 4});
  REQUIRE(pool.capacity() == 4);
  REQUIRE(pool.buffer_size() == 16);
  std::uint32_t id = 99;
  std::vector<buffer_lease> leases;
  for (std::uint32_t i = 0; i < 4; ++i) {
    REQUIRE(pool.acquire(id));
    REQUIRE(id == 3 - i);
    leases.push_back(pool.lease(id, 16));
  }
  REQUIRE(!pool.acquire(id));
  REQUIRE(pool.leased() == 4);
  for (std::size_t i = 0; i < 4; ++i) {
    std::memset(leases[i].data(), static_cast<int>('a' + i), 16);  // they do not overlap
  }
  for (std::size_t i = 0; i < 4; ++i) REQUIRE(*leases[i].begin() == *(leases[i].end() - 1));
  leases[2].reset();
  leases[0].reset();
  REQUIRE(pool.leased() == 2);
  REQUIRE(pool.acquire(id));
  REQUIRE(id == 3);
  REQUIRE(pool.acquire(id));
  REQUIRE(id == 1);
  REQUIRE(!pool.acquire(id));
  pool.untake();
  REQUIRE(pool.acquire(id));
  REQUIRE(id == 1);
}

TEST_CASE("a pool grows when it runs out, up to its count", "[buffer_pool]") {
  buffer_pool pool({.count = 5, .size = 8, .initial = 1});
  REQUIRE(pool.capacity() == 8);  // a power of two
  REQUIRE(pool.published() == 1);
  std::vector<buffer_lease> leases;
  for (std::uint32_t id = 0; id != pool.published(); ++id) leases.push_back(pool.lease(id, 8));  // as the kernel does
  REQUIRE(leases.size() == 8);
  REQUIRE(pool.published() == 8);
  // The ring the kernel reads: entries of address, length and number, and the tail behind the first one's number.
  const auto* entries = static_cast<const ::io_uring_buf*>(pool.ring());
  REQUIRE(entries[0].resv == 8);
  for (unsigned i = 0; i < 8; ++i) {
    REQUIRE(entries[i].len == 8);
    REQUIRE(entries[i].bid == i);
    REQUIRE(entries[i].addr == reinterpret_cast<std::uintptr_t>(leases[i].data()));
  }
  leases[3].reset();
  REQUIRE(entries[0].bid == 3);
  REQUIRE(entries[0].resv == 9);
}

TEST_CASE("who waits for a buffer is told in order, one for each that comes back", "[buffer_pool]") {
  buffer_pool pool({.count = 2, .size = 8, .initial = 2});
  std::string order;
  noting_waiter a(order, 'a'), b(order, 'b'), c(order, 'c'), d(order, 'd');
  REQUIRE(!pool.wait(a));  // there are some
  std::optional<buffer_lease> first(pool.lease(0, 8)), second(pool.lease(1, 8));
  for (noting_waiter* each : {&a, &b, &c, &d}) {
    REQUIRE(pool.wait(*each));
    REQUIRE(each->waiting);
  }
  pool.pass_on();  // nothing is free
  REQUIRE(order.empty());
  pool.cancel(b);
  pool.cancel(b);
  REQUIRE(!b.waiting);
  first.reset();
  REQUIRE(order == "a");
  REQUIRE(!a.waiting);
  pool.pass_on();  // a had no use for it
  REQUIRE(order == "ac");
  pool.pass_on();
  REQUIRE(order == "acd");
  pool.pass_on();
  second.reset();
  REQUIRE(order == "acd");
}

TEST_CASE("the pool grows before anybody waits", "[buffer_pool]") {
  buffer_pool pool({.count = 4, .size = 8, .initial = 1});
  std::string order;
  noting_waiter a(order, 'a');
  const buffer_lease lease = pool.lease(0, 8);
  REQUIRE(!pool.wait(a));
  REQUIRE(pool.published() == 2);
}

TEST_CASE("impossible pools are refused with the bounds", "[buffer_pool]") {
  for (const buffer_pool_options& options :
       {buffer_pool_options{.count = 0}, buffer_pool_options{.size = 0}, buffer_pool_options{.count = 32769}}) {
    try {
      const buffer_pool pool(options);
      FAIL("made");
    } catch (const std::invalid_argument& e) {
      REQUIRE(std::string(e.what()) == "buffer_pool: needs 1 to 32768 buffers of at least one byte");
    }
  }
  const buffer_pool most({.count = 32768, .size = 1, .initial = 1});
  REQUIRE(most.capacity() == 32768);
}

TEST_CASE("a lease that outlives its pool ends the process", "[buffer_pool]") {
  const auto end = run_in_child([]() noexcept {
    std::optional<buffer_lease> lease;
    buffer_pool pool({.count = 1, .size = 8, .initial = 1});
    lease = pool.lease(0, 8);
  });
  REQUIRE(!end.clean);
  REQUIRE(end.report.find("wring: 1 received buffers outlived their scheduler: destroy leases before it ends\n") !=
          std::string::npos);
}

#if WRING_ADDRESS_SANITIZER

TEST_CASE("the use of a returned buffer is reported", "[buffer_pool]") {
  const auto end = run_in_child([]() noexcept {
    buffer_pool pool({.count = 2, .size = 64, .initial = 2});
    buffer_lease lease = pool.lease(0, 64);
    const volatile std::byte* const data = lease.data();
    lease.reset();
    static_cast<void>(*data);
  });
  REQUIRE(!end.clean);
  REQUIRE(end.report.find("use-after-poison") != std::string::npos);
}

TEST_CASE("the use of bytes behind those that came is reported", "[buffer_pool]") {
  const auto end = run_in_child([]() noexcept {
    buffer_pool pool({.count = 2, .size = 64, .initial = 2});
    const buffer_lease lease = pool.lease(0, 8);
    const volatile std::byte* const data = lease.data();
    static_cast<void>(data[8]);
  });
  REQUIRE(!end.clean);
  REQUIRE(end.report.find("use-after-poison") != std::string::npos);
}
#endif

}  // namespace
