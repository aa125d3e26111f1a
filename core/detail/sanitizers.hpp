// SPDX-License-Identifier: MIT
#pragma once

/// Which sanitizers this file is compiled with, and how they are informed of what the kernel does, which they do not
/// see.
#if defined(__SANITIZE_ADDRESS__)
#define WRING_ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WRING_ADDRESS_SANITIZER 1
#endif
#endif
#ifndef WRING_ADDRESS_SANITIZER
#define WRING_ADDRESS_SANITIZER 0
#endif

#if WRING_ADDRESS_SANITIZER
#include <sanitizer/asan_interface.h>
#endif

#include <cstddef>

#if defined(__SANITIZE_THREAD__)
#define WRING_THREAD_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define WRING_THREAD_SANITIZER 1
#endif
#endif
#ifndef WRING_THREAD_SANITIZER
#define WRING_THREAD_SANITIZER 0
#endif

#if WRING_THREAD_SANITIZER
extern "C" void __tsan_acquire(void*);
extern "C" void __tsan_release(void*);
#endif

namespace wring::detail {

/// Memory that must not be touched for now.
inline void poison([[maybe_unused]] void* data, [[maybe_unused]] std::size_t size) noexcept {
#if WRING_ADDRESS_SANITIZER
  ASAN_POISON_MEMORY_REGION(data, size);
#endif
}

inline void unpoison([[maybe_unused]] void* data, [[maybe_unused]] std::size_t size) noexcept {
#if WRING_ADDRESS_SANITIZER
  ASAN_UNPOISON_MEMORY_REGION(data, size);
#endif
}

/// What this thread wrote before is visible to what receives the completion of the operation at `record`.
inline void release_to_kernel([[maybe_unused]] void* record) noexcept {
#if WRING_THREAD_SANITIZER
  __tsan_release(record);
#endif
}

inline void acquire_from_kernel([[maybe_unused]] void* record) noexcept {
#if WRING_THREAD_SANITIZER
  __tsan_acquire(record);
#endif
}

}  // namespace wring::detail
