// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <functional>
#include <memory>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <wring/core/detail/awaiting/put_back.hpp>
#include <wring/core/detail/flows/outcome.hpp>
#include <wring/core/result.hpp>

namespace wring::tests {

/// What an operation has returned, whatever that is.
struct taken {
  taken() = default;
  taken(const taken&) = delete;
  taken& operator=(const taken&) = delete;
  virtual ~taken() = default;
  /// It was given to the task.
  virtual void record() = 0;
};
using taken_ptr = std::unique_ptr<taken>;

inline void record_all(taken_ptr& one) { one->record(); }
template <class T>
void record_all(std::optional<T>& some) {
  if (some) record_all(*some);
}
template <class T>
void record_all(std::vector<T>& many) {
  for (T& each : many) record_all(each);
}
template <class... Ts>
void record_all(std::tuple<Ts...>& many) {
  std::apply([](auto&... each) { (record_all(each), ...); }, many);
}

/// An operation of any type.
class any_operation {
 public:
  using value_type = taken_ptr;

  struct real {
    real() = default;
    real(const real&) = delete;
    real& operator=(const real&) = delete;
    virtual ~real() = default;
    virtual bool begin_await(detail::flow& f) = 0;
    virtual taken_ptr take() = 0;
    virtual void put_back(taken_ptr& value) noexcept = 0;
  };

  explicit any_operation(std::unique_ptr<real> op) : real_(std::move(op)) {}
  bool begin_await(detail::flow& f) { return real_->begin_await(f); }
  taken_ptr take() { return real_->take(); }
  void put_back(taken_ptr& value) noexcept { real_->put_back(value); }

 private:
  std::unique_ptr<real> real_;
};

template <class Make, class Record>
class real_operation final : public any_operation::real {
  using operation = std::invoke_result_t<Make&>;
  using value = detail::storable<typename operation::value_type>;

  template <class Value>
  struct taken_value final : taken {
    taken_value(Value&& v, const Record& r) : held(std::move(v)), to(r) {}
    void record() override {
      if constexpr (!detail::is_result<Value>) {
        to(held);
      } else if (held) {
        to(*held);
      }
    }
    Value held;
    Record to;
  };

 public:
  real_operation(Make make, Record record, bool as_result)
      : record_(std::move(record)), as_result_(as_result), operation_(make()) {}

  bool begin_await(detail::flow& f) override { return operation_.begin_await(f); }
  taken_ptr take() override {
    if constexpr (with_result) {
      if (as_result_) return std::make_unique<taken_value<result<value>>>(operation_.take_result(), record_);
    }
    if constexpr (std::is_void_v<typename operation::value_type>) {
      operation_.take();
      return std::make_unique<taken_value<value>>(value(), record_);
    } else {
      return std::make_unique<taken_value<value>>(operation_.take(), record_);
    }
  }
  void put_back(taken_ptr& back) noexcept override {
    if constexpr (with_result) {
      if (as_result_) {
        return detail::put_back_into(operation_, static_cast<taken_value<result<value>>&>(*back).held);
      }
    }
    detail::put_back_into(operation_, static_cast<taken_value<value>&>(*back).held);
  }

 private:
  static constexpr bool with_result = [] {
    if constexpr (requires(operation& op) { op.take_result(); }) {
      return std::same_as<decltype(std::declval<operation&>().take_result()), result<value>>;
    } else {
      return false;
    }
  }();

  Record record_;
  bool as_result_;
  operation operation_;
};

/// Makes the operation when it is awaited.
using branch = std::function<any_operation()>;

template <class Make, class Record>
branch make_branch(Make make, Record record, bool as_result = false) {
  return [=] { return any_operation(std::make_unique<real_operation<Make, Record>>(make, record, as_result)); };
}

}  // namespace wring::tests
