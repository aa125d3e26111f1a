// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <vector>

#include <wring/core/buffer_lease.hpp>
#include <wring/core/detail/export.hpp>
#include <wring/core/result.hpp>

namespace wring {

/// Limits of a scheduler's blocks, in bytes. `unlimited` is none.
struct block_pool_options {
  /// The most free memory that is kept for reuse, a quarter of it for each size. Zero: none is kept.
  std::size_t most_kept = std::size_t{16} * 1024 * 1024;
  /// The most memory that may be leased at once. Zero: none.
  std::size_t most_leased = std::size_t{1024} * 1024 * 1024;
};
static_assert(std::is_trivially_destructible_v<block_pool_options>);

/// What a block_pool holds and has done.
struct block_pool_stats {
  std::size_t leased = 0;        ///< blocks in use now
  std::size_t leased_bytes = 0;  ///< their memory
  std::size_t kept_bytes = 0;    ///< free memory that waits for its next use
  std::uint64_t allocated = 0;   ///< blocks that were taken from the heap so far, the others had been kept
};

/// Memory for data that is larger than a frame and needed for a short time: the head of a request, output, records that
/// are being encrypted. `scheduler::blocks()` is the scheduler's pool. It has blocks of four sizes, keeps returned ones
/// up to a limit for each size, so that in steady state nothing is allocated, and refuses to lease more than a limit. A
/// request larger than the largest size is served by memory of its own, which counts as leased and is not kept.
///
/// Receives do not use it: their buffers are the engine's, see `buffer_pool`.
///
/// One thread: the pool and its leases are used and destroyed on the scheduler's thread, before the scheduler ends.
/// While a block is free, AddressSanitizer treats its bytes as out of bounds.
class WRING_API block_pool {
 public:
  static constexpr std::array<std::size_t, 4> sizes{4 * 1024, 16 * 1024, 64 * 1024, 128 * 1024};

  explicit block_pool(const block_pool_options& options = {}) noexcept : options_(options) {}
  block_pool(const block_pool&) = delete;
  block_pool& operator=(const block_pool&) = delete;
  /// Every lease must have been returned: aborts otherwise.
  ~block_pool();

  /// Leases a block of the smallest size that has room for `at_least` bytes. The lease covers the whole block, so it
  /// may be larger than requested; a request for zero bytes returns an empty lease. The memory is uninitialised and
  /// aligned for any type. Throws io_error with errc::limit_exceeded beyond what may be leased, which changes nothing,
  /// and std::bad_alloc where there is no memory (or from 4 GiB on).
  [[nodiscard]] buffer_lease acquire(std::size_t at_least);
  /// The same, with its failure as a value: errc::limit_exceeded, or ENOMEM.
  [[nodiscard]] result<buffer_lease> try_acquire(std::size_t at_least) noexcept;

  /// Frees what is kept.
  void trim() noexcept;

  [[nodiscard]] block_pool_stats stats() const noexcept;

 private:
  static constexpr std::uint32_t none = UINT32_MAX;

  struct block {
    std::byte* memory;  // null while the place is vacant
    std::uint32_t size;
    std::uint32_t next;  // of the free blocks of this size, or of the vacant places
  };

  [[nodiscard]] std::uint32_t take_free(std::size_t c) noexcept;
  [[nodiscard]] std::uint32_t allocate(std::size_t size) noexcept;
  void give_back(std::uint32_t number) noexcept;
  void release(std::uint32_t number) noexcept;

  block_pool_options options_;
  std::vector<block> blocks_;
  std::uint32_t vacant_ = none;
  std::array<std::uint32_t, sizes.size()> free_{none, none, none, none};
  std::array<std::size_t, sizes.size()> kept_bytes_{};
  std::size_t leased_ = 0;
  std::size_t leased_bytes_ = 0;
  std::uint64_t allocated_ = 0;
};

}  // namespace wring
