// SPDX-License-Identifier: MIT
//
// Takes malloc's place, and counts. Linked into the programs here that measure themselves; as a module of its own it is
// preloaded into a server of any make, and counts in the file that BENCH_ALLOCATIONS names, where `count` reads it.

#include "common/allocations.hpp"

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#define REPLACES [[gnu::visibility("default")]]

// The C library's own names of what is replaced here.
extern "C" {
void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* block, std::size_t size);
void* __libc_memalign(std::size_t alignment, std::size_t size);
}

namespace {

constinit std::atomic<std::uint64_t> own_count = 0;
constinit std::atomic<std::uint64_t>* count = &own_count;

[[gnu::constructor]] void map_count() {
  const char* path = std::getenv("BENCH_ALLOCATIONS");
  const int fd = path != nullptr ? open(path, O_RDWR | O_CLOEXEC) : -1;
  if (fd < 0) return;
  void* page = mmap(nullptr, sizeof *count, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (page != MAP_FAILED) count = static_cast<std::atomic<std::uint64_t>*>(page);
  close(fd);
}

void add() noexcept { count->fetch_add(1, std::memory_order_relaxed); }

}  // namespace

std::uint64_t bench::allocations() noexcept { return count->load(std::memory_order_relaxed); }

extern "C" {

REPLACES void* malloc(std::size_t size) {
  add();
  return __libc_malloc(size);
}

REPLACES void* calloc(std::size_t n, std::size_t size) {
  add();
  return __libc_calloc(n, size);
}

REPLACES void* realloc(void* block, std::size_t size) {
  add();
  return __libc_realloc(block, size);
}

REPLACES void* aligned_alloc(std::size_t alignment, std::size_t size) {
  add();
  return __libc_memalign(alignment, size);
}

REPLACES int posix_memalign(void** block, std::size_t alignment, std::size_t size) {
  add();
  *block = __libc_memalign(alignment, size);
  return *block != nullptr ? 0 : ENOMEM;
}
}
