// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <new>

#include <wring/core/detail/export.hpp>

namespace wring::detail {

/// What one thread's recycler holds and has done; exact, but for that thread alone.
struct frame_recycler_stats {
  std::size_t cached_bytes = 0;  ///< Free memory that is kept for reuse.
  std::int64_t live_blocks = 0;  ///< Allocated minus freed *on this thread*: blocks that cross threads shift it.
  std::uint64_t hits = 0;        ///< Allocations that were served from the cache.
  std::uint64_t misses = 0;      ///< Allocations that went to operator new, oversized ones included.
};

/// Per-thread recycler for coroutine frames and other small blocks, in size classes 16 bytes apart up to 2 KiB; larger
/// blocks go to operator new and delete. Blocks are aligned as operator new aligns them. A block may be freed by
/// another thread than the one that allocated it and then joins that thread's cache. Each thread keeps at most its
/// limit of free memory (4 MiB unless set otherwise) and frees it when it ends; what is freed during or after its end
/// is returned to operator delete.
///
/// In a library built with AddressSanitizer a freed block is poisoned and waits in a queue of its class before it is
/// reused, so that the use of a destroyed frame is reported; so is the use of bytes past the size asked for. Under
/// ThreadSanitizer nothing is kept. Both are decided by how the library was built, not by how the including file is.
class frame_recycler {
 public:
  static constexpr std::size_t class_bytes = 16;
  /// What malloc adds to a block: sizes are chosen so that block and header fill whole units of class_bytes.
  static constexpr std::size_t header_bytes = 8;
  static constexpr std::size_t max_bytes = 2048 - header_bytes;
  static constexpr std::size_t default_limit = std::size_t{4} << 20;

  // Always inlined below: where the size is a constant, half of each function is.
  /// Throws std::bad_alloc.
  [[nodiscard]] static void* allocate(std::size_t size);
  /// size is what was passed to allocate().
  static void deallocate(void* block, std::size_t size) noexcept;

  /// Bounds the free memory kept by the calling thread; frees all of it if that is more than the new bound.
  WRING_API static void set_limit(std::size_t bytes) noexcept;
  /// Frees all memory that the calling thread keeps.
  WRING_API static void trim() noexcept;
  /// Of the calling thread.
  [[nodiscard]] WRING_API static frame_recycler_stats stats() noexcept;

  static constexpr std::size_t classes = (max_bytes + header_bytes) / class_bytes;
  static constexpr std::size_t class_of(std::size_t size) noexcept { return (size + header_bytes - 1) / class_bytes; }
  static constexpr std::size_t bytes_of(std::size_t index) noexcept { return (index + 1) * class_bytes - header_bytes; }

 private:
  WRING_API static void* allocate_slow(std::size_t size);
  WRING_API static void deallocate_slow(void* block, std::size_t size) noexcept;
};

/// The state of frame_recycler for one thread. Constant-initialised and trivially destructible, so that an access is
/// one instruction and stays valid while the thread's other thread-local objects are destroyed.
struct frame_cache {
  struct block {
    block* next;
  };
  /// fresh until the first use that comes past the fast paths; closed at the thread's end.
  enum class phase : std::uint8_t { fresh, open, closed };

  std::array<block*, frame_recycler::classes> free{};
  std::size_t room = 0;  ///< Bytes that may still be kept: none unless open, and never any under a sanitizer.
  std::size_t limit = frame_recycler::default_limit;
  std::uint64_t hits = 0;
  std::uint64_t misses = 0;
  std::uint64_t released = 0;  ///< Blocks given to operator delete.
  phase state = phase::fresh;
};

/// Few enough bytes for the static TLS that the loader reserves for libraries opened at run time.
[[gnu::tls_model("initial-exec")]] WRING_API extern constinit thread_local frame_cache this_frame_cache;

[[gnu::always_inline]] inline void* frame_recycler::allocate(std::size_t size) {
  frame_cache& cache = this_frame_cache;
  const std::size_t index = class_of(size);
  if (index < classes) [[likely]] {
    if (frame_cache::block* block = cache.free[index]; block != nullptr) [[likely]] {
      cache.free[index] = block->next;
      cache.room += bytes_of(index);
      ++cache.hits;
      return block;
    }
  }
  return allocate_slow(size);
}

[[gnu::always_inline]] inline void frame_recycler::deallocate(void* block, std::size_t size) noexcept {
  frame_cache& cache = this_frame_cache;
  const std::size_t index = class_of(size);
  const std::size_t bytes = bytes_of(index);
  if (index < classes && bytes <= cache.room) [[likely]] {
    cache.room -= bytes;
    cache.free[index] = ::new (block) frame_cache::block{cache.free[index]};
    return;
  }
  deallocate_slow(block, size);
}

}  // namespace wring::detail
