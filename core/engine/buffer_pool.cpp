// SPDX-License-Identifier: MIT
#include <algorithm>
#include <atomic>
#include <bit>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <sys/mman.h>

#include <wring/core/detail/sanitizers.hpp>
#include <wring/core/engine/buffer_pool.hpp>
#include <wring/core/engine/uring_abi.hpp>
#include <wring/core/error.hpp>

namespace wring {

namespace {

constexpr unsigned most_buffers = 32768;  // the kernel's limit for a ring
constexpr std::size_t alignment = 16;

void* map(std::size_t size) {
  // Pages cost memory when they are first written to.
  void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) error::from_errno(errno, "map receive buffers").with_count(size).raise();
  return memory;
}

}  // namespace

buffer_pool::buffer_pool(const buffer_pool_options& options)
    : size_(options.size),
      stride_((std::size_t{options.size} + alignment - 1) / alignment * alignment),
      capacity_(options.count) {
  if (size_ == 0 || capacity_ == 0 || capacity_ > most_buffers) {
    throw std::invalid_argument("buffer_pool: needs 1 to 32768 buffers of at least one byte");
  }
  capacity_ = std::bit_ceil(capacity_);
  memory_ = static_cast<std::byte*>(map(capacity_ * stride_));
  try {
    ring_ = map(capacity_ * sizeof(::io_uring_buf));
  } catch (...) {
    ::munmap(memory_, capacity_ * stride_);
    throw;
  }
  const unsigned initial = std::clamp(options.initial, 1U, capacity_);
  while (published_ < initial) publish(published_++);
}

buffer_pool::~buffer_pool() {
  if (leased_ != 0) [[unlikely]] {
    std::fprintf(stderr, "wring: %u received buffers outlived their scheduler: destroy leases before it ends\n",
                 leased_);
    std::abort();
  }
  detail::unpoison(memory_, capacity_ * stride_);
  ::munmap(memory_, capacity_ * stride_);
  ::munmap(ring_, capacity_ * sizeof(::io_uring_buf));
}

void buffer_pool::publish(std::uint32_t id) noexcept {
  detail::poison(at(id), size_);
  auto* entries = static_cast<::io_uring_buf*>(ring_);
  // Entry 0 shares its last two bytes with the ring's tail, so fields are written one by one.
  ::io_uring_buf& entry = entries[tail_ & (capacity_ - 1)];
  entry.addr = reinterpret_cast<std::uintptr_t>(at(id));
  entry.len = size_;
  entry.bid = static_cast<std::uint16_t>(id);
  ++tail_;
  std::atomic_ref<std::uint16_t>(entries[0].resv).store(tail_, std::memory_order_release);
}

bool buffer_pool::grow() noexcept {
  if (published_ == capacity_) return false;
  const unsigned target = std::min(capacity_, published_ * 2);
  while (published_ < target) publish(published_++);
  return true;
}

void buffer_pool::give_back(std::uint32_t id) noexcept {
  --leased_;
  publish(id);
  if (first_waiter_ != nullptr) wake_first();
}

void buffer_pool::wake_first() noexcept {
  waiter& w = *first_waiter_;
  cancel(w);
  w.on_buffer(w);
}

bool buffer_pool::wait(waiter& w) noexcept {
  // Completions come in order: what the kernel had taken before it ran dry has been leased by now, so a difference
  // means that buffers were returned meanwhile.
  if (leased_ < published_ || grow()) return false;
  w.previous = last_waiter_;
  w.next = nullptr;
  w.waiting = true;
  (last_waiter_ != nullptr ? last_waiter_->next : first_waiter_) = &w;
  last_waiter_ = &w;
  return true;
}

void buffer_pool::cancel(waiter& w) noexcept {
  if (!w.waiting) return;
  (w.previous != nullptr ? w.previous->next : first_waiter_) = w.next;
  (w.next != nullptr ? w.next->previous : last_waiter_) = w.previous;
  w.waiting = false;
}

bool buffer_pool::acquire(std::uint32_t& id) noexcept {
  if (tail_ == 0) return false;
  id = static_cast<::io_uring_buf*>(ring_)[--tail_ & (capacity_ - 1)].bid;
  return true;
}

}  // namespace wring
