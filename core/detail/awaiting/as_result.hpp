// SPDX-License-Identifier: MIT
#pragma once

#include <utility>

#include <wring/core/detail/awaiting/put_back.hpp>

namespace wring::detail {

class flow;

/// What `.result()` returns: the same operation, with its fault as a value.
template <class A>
class [[nodiscard]] as_result {
 public:
  using value_type = decltype(std::declval<A&>().take_result());
  static constexpr bool refers_to_temporaries = true;

  explicit as_result(A& a) noexcept : a_(&a) {}
  as_result(const as_result&) = delete;
  as_result& operator=(const as_result&) = delete;

  bool begin_await(flow& f) { return a_->begin_await(f); }
  value_type take() { return a_->take_result(); }
  template <class Value>
  void put_back(Value& value) noexcept {
    put_back_into(*a_, value);
  }

 private:
  A* a_;
};

}  // namespace wring::detail
