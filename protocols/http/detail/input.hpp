// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>

#include <wring/core/buffer_lease.hpp>

namespace wring::http::detail {

/// Received bytes that have not been used. Pieces of them can be taken without copying: these share the lease, which is
/// given back when the last piece is.
class input {
 public:
  [[nodiscard]] bool empty() const noexcept { return lease_.empty(); }
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return {lease_.data(), lease_.size()}; }

  /// Instead of what there was.
  void refill(buffer_lease lease) noexcept {
    lease_ = std::move(lease);
    shared_ = nullptr;
  }
  void drop(std::size_t count) noexcept { lease_.consume(count); }

  [[nodiscard]] buffer_lease take_all() noexcept { return std::exchange(lease_, buffer_lease()); }
  /// The first `count` bytes. Throws std::bad_alloc.
  [[nodiscard]] buffer_lease take(std::size_t count) {
    if (count == lease_.size()) return std::exchange(lease_, buffer_lease());
    if (shared_ == nullptr) share();
    ++shared_->users;
    buffer_lease piece(lease_.data(), count, &release, shared_);
    lease_.consume(count);
    return piece;
  }

 private:
  struct shared {
    buffer_lease bytes;
    buffer_lease memory;  // where this is
    std::uint32_t users;
  };

  void share() {
    buffer_lease memory = buffer_lease::allocate(sizeof(shared));
    shared_ = std::construct_at(reinterpret_cast<shared*>(memory.data()), std::move(lease_), buffer_lease(), 1U);
    shared_->memory = std::move(memory);
    lease_ = buffer_lease(shared_->bytes.data(), shared_->bytes.size(), &release, shared_);
  }
  static void release(void* owner, std::uint32_t /*tag*/) noexcept {
    auto* const s = static_cast<shared*>(owner);
    if (--s->users != 0) return;
    const buffer_lease memory = std::move(s->memory);
    std::destroy_at(s);
  }

  buffer_lease lease_;
  shared* shared_ = nullptr;
};

}  // namespace wring::http::detail
