// SPDX-License-Identifier: MIT
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/detail/scheduling/frame_recycler.hpp>

#include "support/child_process.hpp"

#if defined(__SANITIZE_ADDRESS__)
#define WRING_TEST_ASAN 1
#elif defined(__SANITIZE_THREAD__)
#define WRING_TEST_TSAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WRING_TEST_ASAN 1
#elif __has_feature(thread_sanitizer)
#define WRING_TEST_TSAN 1
#endif
#endif

using wring::detail::frame_recycler;

namespace {

#ifdef WRING_TEST_TSAN
constexpr bool caches = false;
#else
constexpr bool caches = true;
#endif

struct block {
  void* at;
  std::size_t size;
};

std::vector<block> allocate_each(std::size_t count, std::size_t size) {
  std::vector<block> blocks;
  for (std::size_t i = 0; i != count; ++i) blocks.push_back({frame_recycler::allocate(size), size});
  return blocks;
}

void free_all(const std::vector<block>& blocks) {
  for (const block& b : blocks) frame_recycler::deallocate(b.at, b.size);
}

/// The counters belong to a thread: a fresh one starts at nothing.
template <class Function>
void in_fresh_thread(Function function) {
  std::thread(function).join();
}

}  // namespace

TEST_CASE("every size yields an aligned block of its own", "[frame_recycler]") {
  in_fresh_thread([] {
    for (int round = 0; round != 2; ++round) {
      std::vector<block> blocks;
      for (std::size_t size = 0; size <= 2200; size += size < 70 ? 1 : 61) {
        blocks.push_back({frame_recycler::allocate(size), size});
      }
      for (const std::size_t size : {2047, 2048, 2049, 100'000})
        blocks.push_back({frame_recycler::allocate(size), size});
      bool aligned = true;
      for (std::size_t i = 0; i != blocks.size(); ++i) {
        aligned = aligned && reinterpret_cast<std::uintptr_t>(blocks[i].at) % __STDCPP_DEFAULT_NEW_ALIGNMENT__ == 0;
        std::memset(blocks[i].at, static_cast<int>(i & 0xff), blocks[i].size);
      }
      bool intact = true;
      for (std::size_t i = 0; i != blocks.size(); ++i) {
        for (std::size_t k = 0; k != blocks[i].size; ++k) {
          intact = intact && static_cast<unsigned char*>(blocks[i].at)[k] == (i & 0xff);
        }
      }
      CHECK(aligned);
      CHECK(intact);
      CHECK(frame_recycler::stats().live_blocks == static_cast<std::int64_t>(blocks.size()));
      free_all(blocks);
      CHECK(frame_recycler::stats().live_blocks == 0);
    }
  });
}

TEST_CASE("freed blocks serve later allocations of their class", "[frame_recycler]") {
  if (!caches) SKIP("nothing is kept under ThreadSanitizer");
  in_fresh_thread([] {
    free_all(allocate_each(64, 300));
    const auto before = frame_recycler::stats();
    CHECK(before.misses == 64);
    CHECK(before.cached_bytes == 64 * 312);
    for (int i = 0; i != 1000; ++i) {
      const std::size_t size = i % 2 == 0 ? 297 : 312;
      frame_recycler::deallocate(frame_recycler::allocate(size), size);
    }
    const auto after = frame_recycler::stats();
    CHECK(after.misses == before.misses);
    CHECK(after.hits == before.hits + 1000);
    CHECK(after.cached_bytes == before.cached_bytes);

    frame_recycler::deallocate(frame_recycler::allocate(313), 313);
    CHECK(frame_recycler::stats().misses == before.misses + 1);
  });
}

TEST_CASE("blocks above the largest class are not kept", "[frame_recycler]") {
  in_fresh_thread([] {
    free_all(allocate_each(10, frame_recycler::max_bytes + 1));
    CHECK(frame_recycler::stats().cached_bytes == 0);
    CHECK(frame_recycler::stats().misses == 10);
  });
}

TEST_CASE("a thread keeps no more than its limit", "[frame_recycler]") {
  in_fresh_thread([] {
    frame_recycler::set_limit(10'000);
    const auto small = allocate_each(40, 56);
    const auto large = allocate_each(40, 1024);
    free_all(large);
    free_all(small);
    CHECK(frame_recycler::stats().cached_bytes <= 10'000);
    if (caches) CHECK(frame_recycler::stats().cached_bytes >= 9 * 1024);
    CHECK(frame_recycler::stats().live_blocks == 0);

    SECTION("a lower limit frees what exceeds it") {
      frame_recycler::set_limit(5'000);
      CHECK(frame_recycler::stats().cached_bytes <= 5'000);
      free_all(allocate_each(40, 56));
      if (caches) CHECK(frame_recycler::stats().cached_bytes >= 40 * 56);
      frame_recycler::set_limit(0);
      free_all(allocate_each(4, 56));
      CHECK(frame_recycler::stats().cached_bytes == 0);
    }
    SECTION("a higher limit leaves room for more") {
      frame_recycler::set_limit(std::size_t{1} << 20);
      free_all(allocate_each(30, frame_recycler::max_bytes));
      if (caches) CHECK(frame_recycler::stats().cached_bytes >= 30 * frame_recycler::max_bytes);
    }
    SECTION("trimming frees everything and the cache fills again") {
      frame_recycler::trim();
      CHECK(frame_recycler::stats().cached_bytes == 0);
      free_all(allocate_each(5, 1024));
      if (caches) CHECK(frame_recycler::stats().cached_bytes == 5 * 1032);
    }
  });
}

TEST_CASE("the default limit is 4 MiB", "[frame_recycler]") {
  if (!caches) SKIP("nothing is kept under ThreadSanitizer");
  in_fresh_thread([] {
    std::vector<block> blocks;
    for (std::size_t size = 24; size <= frame_recycler::max_bytes; size += 16) {
      const auto more = allocate_each(200, size);
      blocks.insert(blocks.end(), more.begin(), more.end());
    }
    free_all(blocks);
    CHECK(frame_recycler::stats().cached_bytes <= (std::size_t{4} << 20));
    CHECK(frame_recycler::stats().cached_bytes >= (std::size_t{2} << 20));
  });
}

TEST_CASE("a block freed by another thread joins that thread's cache", "[frame_recycler][threads]") {
  in_fresh_thread([] {
    const auto blocks = allocate_each(20, 500);
    in_fresh_thread([&blocks] {
      free_all(blocks);
      CHECK(frame_recycler::stats().live_blocks == -20);
      CHECK(frame_recycler::stats().cached_bytes == (caches ? 20 * 504 : 0));
    });
    CHECK(frame_recycler::stats().live_blocks == 20);
    CHECK(frame_recycler::stats().cached_bytes == 0);
  });
}

namespace {

/// Frees its blocks when the thread's objects are destroyed, after the recycler's if it was made before.
struct late_owner {
  late_owner() = default;
  late_owner(const late_owner&) = delete;
  late_owner& operator=(const late_owner&) = delete;
  ~late_owner() {
    free_all(blocks);
    free_all(allocate_each(2, 100));
    *kept_at_end = frame_recycler::stats().cached_bytes;
  }

  std::vector<block> blocks;
  std::size_t* kept_at_end = nullptr;
};

}  // namespace

TEST_CASE("what is freed after the thread's cache is gone is not kept", "[frame_recycler][threads]") {
  std::size_t kept = 1;
  in_fresh_thread([&kept] {
    thread_local late_owner owner;
    owner.kept_at_end = &kept;
    owner.blocks = allocate_each(8, 200);
    free_all(allocate_each(8, 200));
  });
  CHECK(kept == 0);
}

#ifdef WRING_TEST_ASAN

TEST_CASE("the use of a freed block is reported", "[frame_recycler]") {
  const auto end = wring::testing::run_in_child([] {
    auto* bytes = static_cast<volatile char*>(frame_recycler::allocate(200));
    frame_recycler::deallocate(const_cast<char*>(bytes), 200);
    bytes[0] = 1;
  });
  CHECK_FALSE(end.clean);
  CHECK(end.report.find("AddressSanitizer: use-after-poison") != std::string::npos);
}

TEST_CASE("a freed block is not reused at once, so that its use is still reported", "[frame_recycler]") {
  const auto end = wring::testing::run_in_child([] {
    auto* bytes = static_cast<volatile char*>(frame_recycler::allocate(200));
    frame_recycler::deallocate(const_cast<char*>(bytes), 200);
    for (int i = 0; i != 10; ++i) {
      auto* other = static_cast<char*>(frame_recycler::allocate(200));
      frame_recycler::deallocate(frame_recycler::allocate(200), 200);
      std::memset(other, 0, 200);
    }
    static_cast<void>(bytes[199]);
  });
  CHECK_FALSE(end.clean);
  CHECK(end.report.find("AddressSanitizer: use-after-poison") != std::string::npos);
}

TEST_CASE("the use of bytes past the size asked for is reported", "[frame_recycler]") {
  const auto end = wring::testing::run_in_child([] {
    auto* bytes = static_cast<volatile char*>(frame_recycler::allocate(192));
    bytes[192] = 1;
  });
  CHECK_FALSE(end.clean);
  CHECK(end.report.find("AddressSanitizer: use-after-poison") != std::string::npos);
}

#endif
