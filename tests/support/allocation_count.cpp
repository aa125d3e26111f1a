// SPDX-License-Identifier: MIT
#include "allocation_count.hpp"

#include <cstdlib>
#include <new>

namespace {

constinit thread_local std::size_t count = 0;
constinit thread_local std::size_t to_fail = 0;
constinit thread_local bool failed = false;

}  // namespace

std::size_t wring::tests::allocations() noexcept { return count; }

void wring::tests::fail_allocation(std::size_t k) noexcept {
  to_fail = k != 0 ? count + k : 0;
  failed = false;
}
bool wring::tests::allocation_failed() noexcept { return failed; }

// The other forms call these. Sanitizers see the calls of malloc and free.
void* operator new(std::size_t size) {
  if (++count == to_fail) [[unlikely]] {
    failed = true;
    throw std::bad_alloc();
  }
  if (void* block = std::malloc(size != 0 ? size : 1)) return block;
  throw std::bad_alloc();
}
void operator delete(void* block) noexcept { std::free(block); }
void operator delete(void* block, std::size_t) noexcept { std::free(block); }
