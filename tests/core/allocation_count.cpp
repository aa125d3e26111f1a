// SPDX-License-Identifier: MIT
#include "allocation_count.hpp"

#include <cstdlib>
#include <new>

namespace {

constinit thread_local std::size_t count = 0;

}  // namespace

std::size_t wring::tests::allocations() noexcept { return count; }

#if !WRING_ADDRESS_SANITIZER && !WRING_THREAD_SANITIZER

// The other forms call these.
void* operator new(std::size_t size) {
  ++count;
  if (void* block = std::malloc(size != 0 ? size : 1)) return block;
  throw std::bad_alloc();
}
void operator delete(void* block) noexcept { std::free(block); }
void operator delete(void* block, std::size_t) noexcept { std::free(block); }

#endif
