// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <utility>

#include <wring/core/detail/scheduling/frame_recycler.hpp>

namespace wring::net::detail {

/// An object of a type that only its maker knows, in a block of the frame recycler.
struct erased_owner {
  erased_owner() noexcept = default;
  erased_owner(const erased_owner&) = delete;
  erased_owner& operator=(const erased_owner&) = delete;
  virtual ~erased_owner() = default;
};

template <class T>
struct erased_owner_of final : erased_owner {
  template <class... Args>
  explicit erased_owner_of(Args&&... args) : object(std::forward<Args>(args)...) {}

  static void* operator new(std::size_t size) { return wring::detail::frame_recycler::allocate(size); }
  static void operator delete(void* block, std::size_t size) noexcept {
    wring::detail::frame_recycler::deallocate(block, size);
  }

  T object;
};

}  // namespace wring::net::detail
