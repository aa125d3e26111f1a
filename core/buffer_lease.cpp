// SPDX-License-Identifier: MIT
#include <algorithm>
#include <limits>
#include <new>

#include <wring/core/buffer_lease.hpp>
#include <wring/core/detail/scheduling/frame_recycler.hpp>

namespace wring {

buffer_lease buffer_lease::allocate(std::size_t size) {
  if (size == 0) return {};
  if (size > std::numeric_limits<std::uint32_t>::max()) throw std::bad_alloc();
  void* const block = detail::frame_recycler::allocate(size);
  return {static_cast<std::byte*>(block), size,
          [](void* memory, std::uint32_t bytes) noexcept { detail::frame_recycler::deallocate(memory, bytes); }, block,
          static_cast<std::uint32_t>(size)};
}

buffer_lease buffer_lease::copy_of(std::span<const std::byte> bytes) {
  buffer_lease copy = allocate(bytes.size());
  std::ranges::copy(bytes, copy.begin());
  return copy;
}

}  // namespace wring
