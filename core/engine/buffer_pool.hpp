// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <wring/core/buffer_lease.hpp>
#include <wring/core/detail/export.hpp>
#include <wring/core/detail/sanitizers.hpp>

namespace wring {

/// Receive buffers of a scheduler. They cost memory only once they have been used.
struct buffer_pool_options {
  unsigned count = 1024;      ///< the most there will be, 1 to 32768; rounded up to a power of two
  unsigned size = 16 * 1024;  ///< bytes each, at least one
  unsigned initial = 64;      ///< handed to the kernel at the start, at least one; grows on demand up to count
};

/// The buffers that receives without a buffer of their own are filled from: an idle connection holds none. The free
/// ones are kept in a ring that io_uring reads directly (`struct io_uring_buf`); other engines take from it themselves.
/// Each begins at a multiple of 16 bytes. One thread. While a buffer is free, AddressSanitizer treats its bytes as out
/// of bounds.
class WRING_API buffer_pool {
 public:
  /// A receiver that found the pool empty. Woken in order, when a buffer has come back.
  struct waiter {
    waiter* previous = nullptr;
    waiter* next = nullptr;
    void (*on_buffer)(waiter&) noexcept = nullptr;
    bool waiting = false;
  };

  explicit buffer_pool(const buffer_pool_options& options);
  buffer_pool(const buffer_pool&) = delete;
  buffer_pool& operator=(const buffer_pool&) = delete;
  /// Every lease must have been returned: aborts otherwise.
  ~buffer_pool();

  /// Takes over buffer `id`, which the engine has filled with `length` bytes.
  [[nodiscard]] buffer_lease lease(std::uint32_t id, std::size_t length) noexcept;

  /// Waits for a buffer to come back, unless there is one already or the pool can grow: then false.
  [[nodiscard]] bool wait(waiter& w) noexcept;
  void cancel(waiter& w) noexcept;
  /// A receive has ended without a buffer. If it was a waiter's, the next one has its turn.
  void pass_on() noexcept {
    if (first_waiter_ != nullptr && leased_ < published_) wake_first();
  }

  [[nodiscard]] std::size_t buffer_size() const noexcept { return size_; }
  [[nodiscard]] unsigned capacity() const noexcept { return capacity_; }
  [[nodiscard]] unsigned published() const noexcept { return published_; }  ///< handed out by the pool so far
  [[nodiscard]] unsigned leased() const noexcept { return leased_; }

  /// The ring of free buffers, for engines.
  [[nodiscard]] void* ring() noexcept { return ring_; }

  /// For engines that do not read the ring: takes the buffer that was returned last, which the processor's caches still
  /// hold; false if there is none.
  [[nodiscard]] bool acquire(std::uint32_t& id) noexcept;
  /// Its memory, which may be written to until `filled`.
  [[nodiscard]] std::span<std::byte> memory(std::uint32_t id) noexcept {
    detail::unpoison(at(id), size_);
    return {at(id), size_};
  }
  void filled(std::uint32_t id) noexcept { detail::poison(at(id), size_); }
  /// Puts back what was taken last, unused.
  void untake() noexcept { ++tail_; }

 private:
  [[nodiscard]] std::byte* at(std::uint32_t id) const noexcept { return memory_ + std::size_t{id} * stride_; }
  void give_back(std::uint32_t id) noexcept;
  void publish(std::uint32_t id) noexcept;
  bool grow() noexcept;
  void wake_first() noexcept;

  std::byte* memory_ = nullptr;
  void* ring_ = nullptr;
  unsigned size_;
  std::size_t stride_;  // from one buffer to the next
  unsigned capacity_;
  unsigned published_ = 0;
  unsigned leased_ = 0;
  std::uint16_t tail_ = 0;  // of engines that do not read the ring: how many are free
  waiter* first_waiter_ = nullptr;
  waiter* last_waiter_ = nullptr;
};

inline buffer_lease buffer_pool::lease(std::uint32_t id, std::size_t length) noexcept {
  if (++leased_ == published_) [[unlikely]]
    grow();
  std::byte* const data = at(id);
  detail::unpoison(data, length);
  return {data, length, [](void* pool, std::uint32_t tag) noexcept { static_cast<buffer_pool*>(pool)->give_back(tag); },
          this, id};
}

}  // namespace wring
