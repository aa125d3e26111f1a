// SPDX-License-Identifier: MIT
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/block_pool.hpp>
#include <wring/core/detail/sanitizers.hpp>
#include <wring/core/scheduler.hpp>
#include <wring/core/testing/leak_check.hpp>
#include <wring/core/testing/run.hpp>

#include "support/allocation_count.hpp"
#include "support/child_process.hpp"

namespace {

using namespace wring;
using testing::run_in_child;

constexpr std::size_t kib = 1024;

TEST_CASE("a block is of the smallest size that has room", "[block_pool]") {
  block_pool pool;
  struct expected {
    std::size_t asked;
    std::size_t got;
  };
  for (const auto& [asked, got] :
       {expected{0, 0}, expected{1, 4 * kib}, expected{4 * kib, 4 * kib}, expected{4 * kib + 1, 16 * kib},
        expected{16 * kib, 16 * kib}, expected{16 * kib + 1, 64 * kib}, expected{64 * kib, 64 * kib},
        expected{64 * kib + 1, 128 * kib}, expected{128 * kib, 128 * kib}, expected{128 * kib + 1, 128 * kib + 1},
        expected{1'000'000, 1'000'000}}) {
    CAPTURE(asked);
    const buffer_lease lease = pool.acquire(asked);
    CHECK(lease.size() == got);
    CHECK(reinterpret_cast<std::uintptr_t>(lease.data()) % alignof(std::max_align_t) == 0);
    if (lease) std::memset(lease.data(), 'x', lease.size());
    CHECK(pool.stats().leased == (got == 0 ? 0U : 1U));
    CHECK(pool.stats().leased_bytes == got);
  }
  CHECK(pool.stats().leased == 0);
  CHECK(pool.stats().leased_bytes == 0);
}

TEST_CASE("blocks do not overlap, and those that come back are leased again", "[block_pool]") {
  block_pool pool;
  std::set<const std::byte*> seen;
  for (int round = 0; round != 3; ++round) {
    std::vector<buffer_lease> leases;
    for (unsigned i = 0; i != 32; ++i) {
      leases.push_back(pool.acquire(block_pool::sizes[i % block_pool::sizes.size()]));
      seen.insert(leases.back().data());
      std::memset(leases.back().data(), static_cast<int>(i), leases.back().size());
    }
    for (unsigned i = 0; i != 32; ++i) {
      CHECK(*leases[i].begin() == static_cast<std::byte>(i));
      CHECK(*(leases[i].end() - 1) == static_cast<std::byte>(i));
    }
  }
  CHECK(seen.size() == 32);
  CHECK(pool.stats().allocated == 32);
  CHECK(pool.stats().kept_bytes == 8 * (4 + 16 + 64 + 128) * kib);
}

TEST_CASE("what is left of a block gives back all of it", "[block_pool]") {
  block_pool pool;
  buffer_lease lease = pool.acquire(10 * kib);
  lease.consume(1000);
  lease.truncate(10);
  buffer_lease moved = std::move(lease);
  CHECK(pool.stats().leased_bytes == 16 * kib);
  moved.consume(10);
  CHECK(pool.stats().leased == 0);
  CHECK(pool.stats().kept_bytes == 16 * kib);
}

TEST_CASE("of each size a quarter of the limit is kept, and the rest is freed", "[block_pool]") {
  block_pool pool({.most_kept = 512 * kib});
  const auto lease_and_return = [&](std::size_t size, unsigned count) {
    std::vector<buffer_lease> leases;
    for (unsigned i = 0; i != count; ++i) leases.push_back(pool.acquire(size));
  };
  lease_and_return(4 * kib, 100);
  CHECK(pool.stats().kept_bytes == 128 * kib);
  lease_and_return(128 * kib, 10);  // small blocks have not taken their place
  CHECK(pool.stats().kept_bytes == 256 * kib);
  CHECK(pool.stats().allocated == 110);
  lease_and_return(4 * kib, 32);
  CHECK(pool.stats().allocated == 110);
  lease_and_return(4 * kib, 33);
  CHECK(pool.stats().allocated == 111);
  lease_and_return(200 * kib, 1);  // of a size of its own
  CHECK(pool.stats().kept_bytes == 256 * kib);
  pool.trim();
  CHECK(pool.stats().kept_bytes == 0);
  lease_and_return(4 * kib, 32);
  CHECK(pool.stats().kept_bytes == 128 * kib);

  block_pool none({.most_kept = 0});
  static_cast<void>(none.acquire(1));
  CHECK(none.stats().kept_bytes == 0);
  block_pool all({.most_kept = unlimited, .most_leased = unlimited});
  static_cast<void>(all.acquire(1));
  CHECK(all.stats().kept_bytes == 4 * kib);
}

TEST_CASE("nothing is leased beyond the limit, which the error names", "[block_pool]") {
  block_pool pool({.most_leased = 40 * kib});
  std::optional<buffer_lease> first(pool.acquire(16 * kib));
  const buffer_lease second = pool.acquire(16 * kib);
  const buffer_lease third = pool.acquire(4 * kib);
  const buffer_lease fourth = pool.acquire(4 * kib);  // just the limit
  const auto refused = pool.try_acquire(1);
  REQUIRE_FALSE(refused);
  CHECK(refused.error() == errc::limit_exceeded);
  CHECK(refused.error().count() == 40 * kib);
  CHECK(refused.error().message() ==
        "lease a block: more than the limit allows (limit 40960): scheduler_options::blocks.most_leased bytes may "
        "be leased at once");
  CHECK_THROWS_AS(pool.acquire(1), io_error);
  CHECK(pool.stats().leased == 4);
  first.reset();
  CHECK(pool.acquire(16 * kib).size() == 16 * kib);
  CHECK_FALSE(pool.try_acquire(17 * kib));  // its block would be larger than what is left
  block_pool nothing({.most_leased = 0});
  CHECK_FALSE(nothing.try_acquire(1));
  CHECK(nothing.try_acquire(0));
}

TEST_CASE("having no memory is bad_alloc, or ENOMEM as a value", "[block_pool]") {
  block_pool pool({.most_leased = unlimited});
  constexpr std::size_t too_large = std::size_t{1} << 32;
  CHECK_THROWS_AS(pool.acquire(too_large), std::bad_alloc);
  const auto refused = pool.try_acquire(too_large);
  REQUIRE_FALSE(refused);
  CHECK(refused.error() == std::errc::not_enough_memory);
  CHECK(pool.stats().leased == 0);
  // The place in the table of blocks, and the block itself.
  for (const std::size_t k : {1U, 2U}) {
    tests::fail_allocation(k);
    const auto failed = pool.try_acquire(1);
    tests::fail_allocation(0);
    REQUIRE_FALSE(failed);
    CHECK(failed.error() == std::errc::not_enough_memory);
    CHECK(pool.stats().allocated == 0);
  }
  CHECK(pool.acquire(1).size() == 4 * kib);
}

TEST_CASE("in steady state no block is allocated", "[block_pool]") {
  if (!tests::counts_allocations) SKIP("under a sanitizer allocations do not count");
  block_pool pool;
  const auto use = [&] {
    const buffer_lease head = pool.acquire(4 * kib);
    const buffer_lease output = pool.acquire(16 * kib);
    const buffer_lease records = pool.acquire(128 * kib);
  };
  use();
  const std::size_t before = tests::allocations();
  for (int i = 0; i != 1000; ++i) use();
  CHECK(tests::allocations() == before);
  CHECK(pool.stats().allocated == 3);
}

TEST_CASE("a scheduler has blocks of its own, and counts them", "[block_pool]") {
  wring::testing::run(
      []() -> task<> {
        scheduler& here = scheduler::current();
        CHECK(here.stats().block_bytes_kept == 0);
        const testing::leak_check leaks;
        {
          const buffer_lease lease = here.blocks().acquire(10 * kib);
          CHECK(here.stats().blocks_leased == 1);
          CHECK(here.stats().block_bytes_leased == 16 * kib);
          CHECK(leaks.check() == "1 leased block");
          CHECK_FALSE(here.blocks().try_acquire(20 * kib));  // the scheduler's options are the pool's
        }
        CHECK(here.stats().blocks_leased == 0);
        CHECK(here.stats().block_bytes_kept == 16 * kib);
        CHECK(leaks.check().empty());
        co_return;
      },
      {.blocks = {.most_leased = 64 * kib}});
}

TEST_CASE("a leased block that outlives its scheduler ends the process", "[block_pool]") {
  const auto end = run_in_child([]() noexcept {
    std::optional<buffer_lease> lease;
    scheduler here;
    lease = here.blocks().acquire(1);
  });
  CHECK_FALSE(end.clean);
  CHECK(end.report.find("wring: 1 leased blocks outlived their scheduler: destroy leases before it ends\n") !=
        std::string::npos);
}

#if WRING_ADDRESS_SANITIZER
TEST_CASE("the use of a block that was given back is reported", "[block_pool]") {
  const auto end = run_in_child([]() noexcept {
    block_pool pool;
    buffer_lease lease = pool.acquire(1);
    const volatile std::byte* const last = lease.end() - 1;
    lease.reset();
    static_cast<void>(*last);
  });
  CHECK_FALSE(end.clean);
  CHECK(end.report.find("use-after-poison") != std::string::npos);
}
#endif

}  // namespace
