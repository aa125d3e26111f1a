// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <new>
#include <numeric>
#include <utility>

#include <wring/core/block_pool.hpp>
#include <wring/core/detail/sanitizers.hpp>
#include <wring/core/error.hpp>

namespace wring {

namespace {

constexpr const char* what = "lease a block";

/// Which of the sizes has room for so much; one past the last if none has.
std::size_t class_of(std::size_t size) noexcept {
  return static_cast<std::size_t>(std::ranges::lower_bound(block_pool::sizes, size) - block_pool::sizes.begin());
}

}  // namespace

block_pool::~block_pool() {
  if (leased_ != 0) [[unlikely]] {
    std::fprintf(stderr, "wring: %zu leased blocks outlived their scheduler: destroy leases before it ends\n", leased_);
    std::abort();
  }
  trim();
}

buffer_lease block_pool::acquire(std::size_t at_least) {
  // The usual case, a kept block of the smallest size, without the room for an error.
  constexpr std::size_t size = sizes.front();
  if (at_least - 1 < size && free_.front() != none && size <= options_.most_leased &&
      leased_bytes_ <= options_.most_leased - size) [[likely]] {
    const std::uint32_t number = take_free(0);
    ++leased_;
    leased_bytes_ += size;
    const auto back = [](void* pool, std::uint32_t tag) noexcept { static_cast<block_pool*>(pool)->give_back(tag); };
    return {blocks_[number].memory, size, back, this, number};
  }
  result<buffer_lease> leased = try_acquire(at_least);
  if (!leased && leased.error() == std::errc::not_enough_memory) throw std::bad_alloc();
  return leased.take();
}

result<buffer_lease> block_pool::try_acquire(std::size_t at_least) noexcept {
  if (at_least == 0) return buffer_lease();
  const std::size_t c = class_of(at_least);
  const std::size_t size = c < sizes.size() ? sizes[c] : at_least;
  if (size > options_.most_leased || leased_bytes_ > options_.most_leased - size) {
    return error(errc::limit_exceeded, what)
        .with_count(options_.most_leased)
        .with_detail("scheduler_options::blocks.most_leased bytes may be leased at once");
  }
  std::uint32_t number = c < sizes.size() ? take_free(c) : none;
  if (number == none) number = allocate(size);
  if (number == none) return error::from_errno(ENOMEM, what).with_count(size);
  ++leased_;
  leased_bytes_ += size;
  const auto back = [](void* pool, std::uint32_t tag) noexcept { static_cast<block_pool*>(pool)->give_back(tag); };
  return buffer_lease(blocks_[number].memory, size, back, this, number);
}

void block_pool::trim() noexcept {
  for (std::size_t c = 0; c != sizes.size(); ++c) {
    for (std::uint32_t number = take_free(c); number != none; number = take_free(c)) release(number);
  }
}

block_pool_stats block_pool::stats() const noexcept {
  return {.leased = leased_,
          .leased_bytes = leased_bytes_,
          .kept_bytes = std::accumulate(kept_bytes_.begin(), kept_bytes_.end(), std::size_t{0}),
          .allocated = allocated_};
}

std::uint32_t block_pool::take_free(std::size_t c) noexcept {
  const std::uint32_t number = free_[c];
  if (number == none) return none;
  block& taken = blocks_[number];
  free_[c] = taken.next;
  kept_bytes_[c] -= taken.size;
  detail::unpoison(taken.memory, taken.size);
  return number;
}

std::uint32_t block_pool::allocate(std::size_t size) noexcept {
  if (size > std::numeric_limits<std::uint32_t>::max()) return none;
  try {
    if (vacant_ == none) {
      blocks_.push_back({nullptr, 0, none});
      vacant_ = static_cast<std::uint32_t>(blocks_.size() - 1);
    }
    block& made = blocks_[vacant_];
    made.memory = static_cast<std::byte*>(::operator new(size));
    made.size = static_cast<std::uint32_t>(size);
  } catch (const std::bad_alloc&) {
    return none;
  }
  ++allocated_;
  const std::uint32_t number = vacant_;
  vacant_ = blocks_[number].next;
  return number;
}

void block_pool::give_back(std::uint32_t number) noexcept {
  block& returned = blocks_[number];
  --leased_;
  leased_bytes_ -= returned.size;
  const std::size_t c = returned.size == sizes.front() ? 0 : class_of(returned.size);
  if (c == sizes.size() || kept_bytes_[c] + returned.size > options_.most_kept / sizes.size()) {
    release(number);
    return;
  }
  detail::poison(returned.memory, returned.size);
  kept_bytes_[c] += returned.size;
  returned.next = std::exchange(free_[c], number);
}

void block_pool::release(std::uint32_t number) noexcept {
  block& gone = blocks_[number];
  ::operator delete(std::exchange(gone.memory, nullptr));
  gone.next = std::exchange(vacant_, number);
}

}  // namespace wring
