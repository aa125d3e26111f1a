// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstring>
#include <functional>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace wring::detail {

template <class Signature>
class unique_function;

/// A move-only std::function: holds any callable, copyable or not. Callables of up to 40 bytes that move without
/// throwing are held inline; others cost one allocation. Moving never throws and leaves the source empty. Calling an
/// empty one throws std::bad_function_call. 56 bytes in all, so that a list node around it fills a cache line.
template <class R, class... Args>
class unique_function<R(Args...)> {
 public:
  static constexpr std::size_t inline_bytes = 40;

  unique_function() noexcept = default;
  unique_function(std::nullptr_t) noexcept {}

  /// A null pointer to function or member makes an empty one. Throws what constructing the callable throws, and
  /// std::bad_alloc if it does not fit inline.
  template <class F>
    requires(!std::is_same_v<std::remove_cvref_t<F>, unique_function> &&
             std::is_invocable_r_v<R, std::decay_t<F>&, Args...>)
  unique_function(F&& callable) {
    using target = std::decay_t<F>;
    using given = std::remove_cvref_t<F>;  // not decayed: a reference to a function cannot be null
    if constexpr (std::is_pointer_v<given> || std::is_member_pointer_v<given>) {
      if (callable == nullptr) return;
    }
    if constexpr (fits_inline<target>) {
      ::new (storage()) target(std::forward<F>(callable));
      invoke_ = &invoke_inline<target>;
      if constexpr (!std::is_trivially_copyable_v<target>) manage_ = &manage_inline<target>;
    } else {
      ::new (storage()) target*(new target(std::forward<F>(callable)));
      invoke_ = &invoke_heap<target>;
      manage_ = &manage_heap<target>;
    }
  }

  unique_function(unique_function&& other) noexcept { take(other); }
  unique_function& operator=(unique_function&& other) noexcept {
    if (this != &other) {
      reset();
      take(other);
    }
    return *this;
  }
  unique_function& operator=(std::nullptr_t) noexcept {
    reset();
    return *this;
  }
  ~unique_function() { destroy(); }

  [[nodiscard]] explicit operator bool() const noexcept { return invoke_ != &invoke_empty; }

  R operator()(Args... args) { return invoke_(storage(), std::forward<Args>(args)...); }

 private:
  template <class F>
  static constexpr bool fits_inline =
      sizeof(F) <= inline_bytes && alignof(F) <= alignof(void*) && std::is_nothrow_move_constructible_v<F>;

  template <class F>
  static F& inline_target(void* storage) noexcept {
    return *std::launder(static_cast<F*>(storage));
  }
  template <class F>
  static F*& heap_target(void* storage) noexcept {
    return *std::launder(static_cast<F**>(storage));
  }

  template <class F>
  static R call(F& target, Args&&... args) {
    if constexpr (std::is_void_v<R>) {
      static_cast<void>(std::invoke(target, std::forward<Args>(args)...));
    } else {
      return std::invoke(target, std::forward<Args>(args)...);
    }
  }

  [[noreturn]] static R invoke_empty(void*, Args&&...) { throw std::bad_function_call(); }
  template <class F>
  static R invoke_inline(void* storage, Args&&... args) {
    return call(inline_target<F>(storage), std::forward<Args>(args)...);
  }
  template <class F>
  static R invoke_heap(void* storage, Args&&... args) {
    return call(*heap_target<F>(storage), std::forward<Args>(args)...);
  }

  /// Destroys what is in `from` and, if `to` is not null, moves it there before.
  template <class F>
  static void manage_inline(void* from, void* to) noexcept {
    F& target = inline_target<F>(from);
    if (to != nullptr) ::new (to) F(std::move(target));
    target.~F();
  }
  template <class F>
  static void manage_heap(void* from, void* to) noexcept {
    if (to != nullptr) {
      ::new (to) F*(heap_target<F>(from));
    } else {
      delete heap_target<F>(from);
    }
  }

  void* storage() noexcept { return storage_; }

  /// Requires that this holds nothing.
  void take(unique_function& other) noexcept {
    if (other.manage_ != nullptr) {
      other.manage_(other.storage(), storage());
    } else {
      std::memcpy(storage(), other.storage(), inline_bytes);
    }
    invoke_ = std::exchange(other.invoke_, &invoke_empty);
    manage_ = std::exchange(other.manage_, nullptr);
  }

  void destroy() noexcept {
    if (manage_ != nullptr) manage_(storage(), nullptr);
  }

  void reset() noexcept {
    destroy();
    invoke_ = &invoke_empty;
    manage_ = nullptr;
  }

  R (*invoke_)(void*, Args&&...) = &invoke_empty;
  void (*manage_)(void* from, void* to) noexcept = nullptr;  // null: nothing to destroy, and a copy of the bytes moves
  alignas(void*) std::byte storage_[inline_bytes];
};

}  // namespace wring::detail
