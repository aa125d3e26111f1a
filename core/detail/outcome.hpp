// SPDX-License-Identifier: MIT
#pragma once

#include <exception>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

#include <wring/core/detail/operand.hpp>

namespace wring::detail {

/// void as a value.
template <class T>
using storable = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

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
};

/// Takes the outcome of an operation that has ended otherwise than by cancellation.
template <class Operation>
outcome<typename Operation::value_type> outcome_of(Operation& ended) noexcept {
  outcome<typename Operation::value_type> out;
  try {
    if constexpr (std::is_void_v<typename Operation::value_type>) {
      ended.resume();
      out.value.emplace();
    } else {
      out.value.emplace(ended.resume());
    }
  } catch (...) {
    out.failure = std::current_exception();
  }
  return out;
}

/// Awaits an operation and returns how it ended, cancellation included: the caller must pass that on (`checkpoint`).
template <class Op>
class [[nodiscard]] capture : await_node {
 public:
  using value_type = outcome<value_of<Op>>;

  explicit capture(Op& op) : operand_(op) {
    unwound = [](await_node& node, flow& f) noexcept {
      auto& self = static_cast<capture&>(node);
      self.cancelled_ = true;
      f.pop(self);
      return true;
    };
  }
  capture(const capture&) = delete;
  capture& operator=(const capture&) = delete;

  bool begin(flow& f) noexcept {
    flow_ = &f;
    f.push(*this);
    try {
      return operand_.begin(f);
    } catch (...) {
      thrown_ = std::current_exception();
      return true;
    }
  }

  value_type resume() noexcept {
    if (cancelled_) return {};
    value_type out = thrown_ ? value_type{.value = {}, .failure = thrown_} : outcome_of(operand_);
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
