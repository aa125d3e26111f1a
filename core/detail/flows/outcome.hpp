// SPDX-License-Identifier: MIT
#pragma once

#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

#include <wring/core/detail/awaiting/operand.hpp>

namespace wring::detail {

/// void and references as values.
template <class T>
struct as_object {
  using type = T;
};
template <>
struct as_object<void> {
  using type = std::monostate;
};
template <class T>
struct as_object<T&> {
  using type = std::reference_wrapper<T>;
};
template <class T>
using storable = typename as_object<T>::type;

/// What gives a T, or, cancelled, nothing: nothing at all for void.
template <class T>
using body_value = std::conditional_t<std::is_void_v<T>, void, std::optional<storable<T>>>;

/// How something ended: with a value, an exception, or neither: cancelled.
template <class T>
struct outcome {
  std::optional<storable<T>> value;
  std::exception_ptr failure;

  [[nodiscard]] bool cancelled() const noexcept { return !value && failure == nullptr; }

  /// The value, or throws the exception; not for cancelled ones.
  T take() {
    if (failure) std::rethrow_exception(failure);
    if constexpr (!std::is_void_v<T>) return std::move(*value);
  }

  /// Takes that of an operation that has ended otherwise than by cancellation. Only once.
  template <class Operation>
  void take_from(Operation& ended) noexcept {
    try {
      if constexpr (std::is_void_v<T>) {
        ended.take();
        value.emplace();
      } else {
        emplace_into_empty(value, ended.take());
      }
    } catch (...) {
      failure = std::current_exception();
    }
  }
};

/// Awaits an operation and returns how it ended, cancellation included: the caller must pass that on (`checkpoint`).
template <class Op>
class [[nodiscard]] capture : adaptor_node {
 public:
  using value_type = outcome<value_of<Op>>;

  explicit capture(Op& op) : operand_(op) {
    unwound = [](adaptor_node& node, flow& f) noexcept {
      auto& self = static_cast<capture&>(node);
      self.cancelled_ = true;
      f.pop(self);
      return true;
    };
  }
  capture(const capture&) = delete;
  capture& operator=(const capture&) = delete;

  bool begin_await(flow& f) noexcept {
    flow_ = &f;
    f.push(*this);
    try {
      return operand_.begin_await(f);
    } catch (...) {
      thrown_ = std::current_exception();
      return true;
    }
  }

  value_type take() noexcept {
    if (cancelled_) return {};
    value_type out;
    if (thrown_) {
      out.failure = std::move(thrown_);
    } else {
      out.take_from(operand_);
    }
    flow_->pop(*this);
    return out;
  }

 private:
  operand<Op> operand_;
  flow* flow_ = nullptr;
  std::exception_ptr thrown_;
  bool cancelled_ = false;
};

}  // namespace wring::detail
