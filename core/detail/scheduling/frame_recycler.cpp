// SPDX-License-Identifier: MIT
#include <utility>

#include <wring/core/detail/scheduling/frame_recycler.hpp>

#if defined(__SANITIZE_ADDRESS__)
#define WRING_RECYCLER_QUARANTINES 1
#elif defined(__SANITIZE_THREAD__)
#define WRING_RECYCLER_PASSES_THROUGH 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WRING_RECYCLER_QUARANTINES 1
#elif __has_feature(thread_sanitizer)
#define WRING_RECYCLER_PASSES_THROUGH 1
#endif
#endif

#ifdef WRING_RECYCLER_QUARANTINES
#include <sanitizer/asan_interface.h>
#endif

namespace wring::detail {

constinit thread_local frame_cache this_frame_cache;

namespace {

constexpr std::size_t classes = frame_recycler::classes;

void release(void* block) noexcept {
  ++this_frame_cache.released;
  ::operator delete(block);
}

#ifdef WRING_RECYCLER_QUARANTINES

// The fast paths in the header find no free block and no room, so every call ends up here. Blocks are listed outside of
// themselves, so that all of their bytes can be poisoned.
class kept_blocks {
 public:
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }
  [[nodiscard]] std::size_t count() const noexcept {
    std::size_t sum = 0;
    for (const ring& r : rings_) sum += r.count;
    return sum;
  }

  void set_limit(std::size_t limit) noexcept {
    limit_ = limit;
    if (bytes_ > limit_) clear();
  }

  /// The block that has waited longest, or null while too few wait after it.
  void* take(std::size_t index) noexcept { return rings_[index].count > held_back ? oldest(index) : nullptr; }

  bool keep(void* block, std::size_t index) noexcept {
    ring& r = rings_[index];
    if (r.count == r.blocks.size()) release(oldest(index));
    if (frame_recycler::bytes_of(index) > limit_ - bytes_) return false;
    r.blocks[(r.first + r.count++) % r.blocks.size()] = block;
    bytes_ += frame_recycler::bytes_of(index);
    ASAN_POISON_MEMORY_REGION(block, frame_recycler::bytes_of(index));
    return true;
  }

  void clear() noexcept {
    for (std::size_t index = 0; index != classes; ++index) {
      while (rings_[index].count != 0) release(oldest(index));
    }
  }

  static void mark_allocated(void* block, std::size_t size) noexcept {
    ASAN_POISON_MEMORY_REGION(static_cast<std::byte*>(block) + size,
                              frame_recycler::bytes_of(frame_recycler::class_of(size)) - size);
  }

 private:
  static constexpr std::size_t held_back = 16;

  struct ring {
    std::array<void*, 64> blocks{};
    std::size_t first = 0;
    std::size_t count = 0;
  };

  void* oldest(std::size_t index) noexcept {
    ring& r = rings_[index];
    void* block = r.blocks[r.first];
    r.first = (r.first + 1) % r.blocks.size();
    --r.count;
    bytes_ -= frame_recycler::bytes_of(index);
    ASAN_UNPOISON_MEMORY_REGION(block, frame_recycler::bytes_of(index));
    return block;
  }

  std::array<ring, classes> rings_{};
  std::size_t bytes_ = 0;
  std::size_t limit_ = 0;
};

#else

#ifdef WRING_RECYCLER_PASSES_THROUGH
constexpr bool keeps = false;
#else
constexpr bool keeps = true;
#endif

// The blocks are in the frame_cache, where the fast paths find them: this handles blocks they had no room for.
class kept_blocks {
 public:
  [[nodiscard]] std::size_t bytes() const noexcept { return limit_ - this_frame_cache.room; }
  [[nodiscard]] std::size_t count() const noexcept {
    std::size_t sum = 0;
    for (const frame_cache::block* b : this_frame_cache.free) {
      for (; b != nullptr; b = b->next) ++sum;
    }
    return sum;
  }

  void set_limit(std::size_t limit) noexcept {
    if (!keeps) return;
    if (bytes() > limit) clear();
    this_frame_cache.room = limit - bytes();
    limit_ = limit;
  }

  static void* take(std::size_t) noexcept { return nullptr; }

  static bool keep(void* block, std::size_t index) noexcept {
    frame_cache& cache = this_frame_cache;
    if (frame_recycler::bytes_of(index) > cache.room) return false;
    cache.room -= frame_recycler::bytes_of(index);
    cache.free[index] = ::new (block) frame_cache::block{cache.free[index]};
    return true;
  }

  static void clear() noexcept {
    frame_cache& cache = this_frame_cache;
    for (std::size_t index = 0; index != classes; ++index) {
      while (cache.free[index] != nullptr) {
        release(std::exchange(cache.free[index], cache.free[index]->next));
        cache.room += frame_recycler::bytes_of(index);
      }
    }
  }

  static void mark_allocated(void*, std::size_t) noexcept {}

 private:
  std::size_t limit_ = 0;
};

#endif

/// What has a destructor to run at the thread's end.
class keeper {
 public:
  keeper() noexcept {
    blocks.set_limit(this_frame_cache.limit);
    this_frame_cache.state = frame_cache::phase::open;
  }
  keeper(const keeper&) = delete;
  keeper& operator=(const keeper&) = delete;
  ~keeper() {
    blocks.set_limit(0);
    this_frame_cache.state = frame_cache::phase::closed;
  }

  kept_blocks blocks;
};

/// Null at and after the thread's end.
kept_blocks* this_kept_blocks() noexcept {
  if (this_frame_cache.state == frame_cache::phase::closed) return nullptr;
  thread_local keeper kept;
  return &kept.blocks;
}

}  // namespace

void* frame_recycler::allocate_slow(std::size_t size) {
  frame_cache& cache = this_frame_cache;
  const std::size_t index = frame_recycler::class_of(size);
  if (index >= classes) {
    void* block = ::operator new(size);
    ++cache.misses;
    return block;
  }
  kept_blocks* kept = this_kept_blocks();
  void* block = kept != nullptr ? kept->take(index) : nullptr;
  if (block != nullptr) {
    ++cache.hits;
  } else {
    block = ::operator new(frame_recycler::bytes_of(index));
    ++cache.misses;
  }
  kept_blocks::mark_allocated(block, size);
  return block;
}

void frame_recycler::deallocate_slow(void* block, std::size_t size) noexcept {
  const std::size_t index = frame_recycler::class_of(size);
  if (index < classes) {
    kept_blocks* kept = this_kept_blocks();
    if (kept != nullptr && kept->keep(block, index)) return;
  }
  release(block);
}

void frame_recycler::set_limit(std::size_t bytes) noexcept {
  this_frame_cache.limit = bytes;
  if (kept_blocks* kept = this_kept_blocks(); kept != nullptr) kept->set_limit(bytes);
}

void frame_recycler::trim() noexcept {
  if (kept_blocks* kept = this_kept_blocks(); kept != nullptr) kept->clear();
}

frame_recycler_stats frame_recycler::stats() noexcept {
  const frame_cache& cache = this_frame_cache;
  const kept_blocks* kept = this_kept_blocks();
  return {
      .cached_bytes = kept != nullptr ? kept->bytes() : 0,
      .live_blocks = static_cast<std::int64_t>(cache.misses - cache.released - (kept != nullptr ? kept->count() : 0)),
      .hits = cache.hits,
      .misses = cache.misses};
}

}  // namespace wring::detail
