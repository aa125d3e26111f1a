// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>
#include <variant>

#include <wring/core/awaiter.hpp>
#include <wring/core/buffer_lease.hpp>
#include <wring/core/detail/awaiting/operand.hpp>
#include <wring/core/detail/scheduling/frame_recycler.hpp>
#include <wring/core/result.hpp>

namespace wring::net::detail {

/// What is awaited for a `T` and has `.result()`: a leaf, an adaptor or a task.
template <class A, class T>
concept faultable_operation =
    wring::awaitable_operation<A> && std::same_as<typename A::value_type, T> && requires(A&& a) {
      { a.take_result() } -> std::same_as<result<T>>;
      std::move(a).result();
    };

/// Room for the operations of TCP streams.
template <class T>
inline constexpr std::size_t erased_operation_room = 176;
template <>
inline constexpr std::size_t erased_operation_room<std::size_t> = 152;
template <>
inline constexpr std::size_t erased_operation_room<buffer_lease> = 96;

/// The memory that a stream's function is told to work on.
struct memory_argument {
  const void* data = nullptr;
  std::size_t size = 0;
};

template <class T>
class erased_operation;

/// What an erased operation calls, which knows the stream's type.
template <class T>
struct erased_functions {
  using value_reference = std::add_lvalue_reference_t<std::conditional_t<std::is_void_v<T>, std::monostate, T>>;

  /// Makes the real operation, and starts it.
  bool (*start)(void* stream, erased_operation<T>& self, wring::detail::flow& f);
  /// See leaf; null if the real operation cannot do it.
  void (*put_back)(void* stream, erased_operation<T>& self, value_reference value) noexcept;
};

/// The operation of a stream of unknown type, in place. Its start function, which knows the type, makes the real
/// operation in here when it is awaited, and starts it: that is one indirect call, and all there is for an operation
/// that ends at once, as its outcome is taken by then. One that had to wait costs another call when it ends. An
/// operation that does not fit is made in a block of the frame recycler.
template <class T>
class [[nodiscard]] erased_operation {
 public:
  using value_type = T;

  erased_operation(const erased_functions<T>& functions, void* stream, memory_argument memory = {}) noexcept
      : argument(memory), functions_(&functions), stream_(stream) {}
  erased_operation(const erased_operation&) = delete;
  erased_operation& operator=(const erased_operation&) = delete;
  ~erased_operation() {
    if (kind_ == nullptr) return;
    if (kind_->destroy != nullptr) {
      kind_->destroy(*this);
    } else {
      std::destroy_at(&outcome());
    }
  }

  [[nodiscard]] auto result() && noexcept { return wring::detail::as_result<erased_operation>(*this); }

  bool begin_await(wring::detail::flow& f) { return functions_->start(stream_, *this, f); }
  T take() { return kind_->take(*this); }
  wring::result<T> take_result() { return kind_->take_result(*this); }

  void put_back(typename erased_functions<T>::value_reference value) noexcept {
    if (functions_->put_back != nullptr) functions_->put_back(stream_, *this, value);
  }

  /// Makes the operation that `make()` returns, and starts it. For start functions.
  template <class Make>
  bool start(wring::detail::flow& f, Make make) {
    using operation = std::invoke_result_t<Make&>;
    if constexpr (fits<operation>) {
      ::new (static_cast<void*>(room_)) operation(make());
    } else {
      static_assert(alignof(operation) <= __STDCPP_DEFAULT_NEW_ALIGNMENT__);
      void* const block = wring::detail::frame_recycler::allocate(sizeof(operation));
      try {
        ::new (block) operation(make());
      } catch (...) {
        wring::detail::frame_recycler::deallocate(block, sizeof(operation));
        throw;
      }
      ::new (static_cast<void*>(room_)) void*(block);
    }
    kind_ = &started<operation>;
    const bool ended = get<operation>().begin_await(f);
    if constexpr (std::derived_from<operation, awaiter>) {
      if (ended) take_outcome<operation>();
    }
    return ended;
  }

  memory_argument argument;

 private:
  /// What `room_` holds: an operation, or, where nothing is there to destroy it, the outcome of one.
  struct kind {
    T (*take)(erased_operation&);
    wring::result<T> (*take_result)(erased_operation&);
    void (*destroy)(erased_operation&) noexcept;
  };

  static constexpr std::size_t room = erased_operation_room<T>;
  static_assert(sizeof(wring::result<T>) <= room);

  template <class Operation>
  static constexpr bool fits = sizeof(Operation) <= room && alignof(Operation) <= alignof(std::max_align_t);

  template <class Operation>
  Operation& get() noexcept {
    if constexpr (fits<Operation>) {
      return *std::launder(reinterpret_cast<Operation*>(room_));
    } else {
      return *static_cast<Operation*>(*std::launder(reinterpret_cast<void**>(room_)));
    }
  }
  wring::result<T>& outcome() noexcept { return *std::launder(reinterpret_cast<wring::result<T>*>(room_)); }

  template <class Operation>
  static void destroy(erased_operation& self) noexcept {
    Operation& ended = self.get<Operation>();
    std::destroy_at(&ended);
    if constexpr (!fits<Operation>) wring::detail::frame_recycler::deallocate(&ended, sizeof(Operation));
  }

  template <class Operation>
  void take_outcome() {
    wring::result<T> taken = get<Operation>().take_result();
    destroy<Operation>(*this);
    ::new (static_cast<void*>(room_)) wring::result<T>(std::move(taken));
    kind_ = &over;
  }

  template <class Operation>
  static constexpr kind started = {
      [](erased_operation& self) -> T { return self.get<Operation>().take(); },
      [](erased_operation& self) { return self.get<Operation>().take_result(); },
      &destroy<Operation>,
  };
  static constexpr kind over = {
      [](erased_operation& self) -> T { return self.outcome().take(); },
      [](erased_operation& self) { return std::move(self.outcome()); },
      nullptr,
  };

  const erased_functions<T>* functions_;
  void* stream_;
  const kind* kind_ = nullptr;
  alignas(std::max_align_t) std::byte room_[room];
};

}  // namespace wring::net::detail
