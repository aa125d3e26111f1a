// SPDX-License-Identifier: MIT
#pragma once

#include <utility>

namespace wring::detail {

/// A reference to a T that counts its references, or none: what handles are made of. T has `retain()` and `release()`,
/// the last of which frees it; how it counts, and on which threads, is its own business.
template <class T>
class counted_ref {
 public:
  counted_ref() noexcept = default;
  /// Takes over a reference; null: none.
  explicit counted_ref(T* adopted) noexcept : object_(adopted) {}
  /// One more reference.
  [[nodiscard]] static counted_ref share(T& object) noexcept {
    object.retain();
    return counted_ref(&object);
  }
  counted_ref(counted_ref&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  counted_ref(const counted_ref& other) noexcept : object_(other.object_) {
    if (object_ != nullptr) object_->retain();
  }
  counted_ref& operator=(counted_ref other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~counted_ref() {
    if (object_ != nullptr) object_->release();
  }

  /// Releases the reference to the caller.
  [[nodiscard]] T* release() noexcept { return std::exchange(object_, nullptr); }
  [[nodiscard]] T* get() const noexcept { return object_; }
  [[nodiscard]] explicit operator bool() const noexcept { return object_ != nullptr; }
  T* operator->() const noexcept { return object_; }
  T& operator*() const noexcept { return *object_; }

 private:
  T* object_ = nullptr;
};

}  // namespace wring::detail
