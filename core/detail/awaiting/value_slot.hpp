// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace wring::detail {

/// Room for one value of a type that changes. What fits (48 bytes, and moves without throwing) is held inline; other
/// values cost an allocation. Its reader knows the type.
class value_slot {
 public:
  static constexpr std::size_t inline_bytes = 48;

  value_slot() noexcept = default;
  value_slot(const value_slot&) = delete;
  value_slot& operator=(const value_slot&) = delete;
  ~value_slot() { reset(); }

  /// Requires that nothing is held.
  template <class T, class... Args>
  void emplace(Args&&... args) {
    if constexpr (fits<T>) {
      ::new (storage()) T(std::forward<Args>(args)...);
      relocate_ = &relocate_inline<T>;
    } else {
      ::new (storage()) T*(new T(std::forward<Args>(args)...));
      relocate_ = &relocate_heap<T>;
    }
  }

  template <class T>
  [[nodiscard]] T& get() noexcept {
    if constexpr (fits<T>) {
      return *std::launder(static_cast<T*>(storage()));
    } else {
      return **std::launder(static_cast<T**>(storage()));
    }
  }

  /// Moves the value out; nothing is held afterwards.
  template <class T>
  [[nodiscard]] T take() {
    struct emptier {
      value_slot& self;
      ~emptier() { self.reset(); }
    };
    const emptier after{*this};
    return std::move(get<T>());
  }

  /// Takes what `other` holds. Requires that nothing is held here.
  void take_from(value_slot& other) noexcept {
    if (other.relocate_ == nullptr) return;
    other.relocate_(other.storage(), storage());
    relocate_ = std::exchange(other.relocate_, nullptr);
  }

  void reset() noexcept {
    if (relocate_ != nullptr) std::exchange(relocate_, nullptr)(storage(), nullptr);
  }

 private:
  template <class T>
  static constexpr bool fits =
      sizeof(T) <= inline_bytes && alignof(T) <= alignof(std::max_align_t) && std::is_nothrow_move_constructible_v<T>;

  /// Destroys what is in `from` and, if `to` is not null, moves it there before.
  template <class T>
  static void relocate_inline(void* from, void* to) noexcept {
    T& value = *std::launder(static_cast<T*>(from));
    if (to != nullptr) ::new (to) T(std::move(value));
    std::destroy_at(&value);
  }
  template <class T>
  static void relocate_heap(void* from, void* to) noexcept {
    T* const value = *std::launder(static_cast<T**>(from));
    if (to != nullptr) {
      ::new (to) T*(value);
    } else {
      delete value;
    }
  }

  void* storage() noexcept { return storage_; }

  void (*relocate_)(void* from, void* to) noexcept = nullptr;
  alignas(std::max_align_t) std::byte storage_[inline_bytes];
};

}  // namespace wring::detail
