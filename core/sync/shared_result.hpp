// SPDX-License-Identifier: MIT
#pragma once

#include <exception>
#include <functional>
#include <optional>
#include <stdexcept>
#include <type_traits>
#include <utility>
#include <variant>

#include <wring/core/detail/awaiting/wait_list.hpp>
#include <wring/core/detail/destroyed_in_use.hpp>
#include <wring/core/detail/scheduling/home.hpp>
#include <wring/core/error.hpp>
#include <wring/core/result.hpp>

namespace wring {

/// One result that any number of tasks can await: computed once, by whichever task owns the work.
///
///     wring::shared_result<config> loaded;
///     n.start([&]() -> wring::task<> { loaded.set(co_await load()); });
///     const config& c = co_await loaded.get();     // in any number of tasks
///
/// `T` is an object type or void. One thread. Waiting allocates nothing. Destroying it while tasks wait ends the
/// process with a message.
template <class T = void>
class shared_result {
  static_assert(std::is_void_v<T> || std::is_object_v<T>, "T is an object type or void");
  using stored = std::conditional_t<std::is_void_v<T>, std::monostate, T>;
  using shown = std::conditional_t<std::is_void_v<T>, void, std::add_lvalue_reference_t<const stored>>;
  using as_value =
      std::conditional_t<std::is_void_v<T>, wring::result<>, wring::result<std::reference_wrapper<const stored>>>;

 public:
  shared_result() noexcept = default;
  shared_result(const shared_result&) = delete;
  shared_result& operator=(const shared_result&) = delete;
  ~shared_result() {
    if (!waiters_.empty()) [[unlikely]]
      detail::destroyed_in_use("a shared_result");
  }

  /// Sets the value, made from `args`, and queues every task that waits, in order of arrival. None of them runs before
  /// this has returned. Throws std::logic_error if there is a result already, and what making the value throws.
  template <class... Args>
    requires std::is_constructible_v<stored, Args...>
  void set(Args&&... args) {
    check_unset();
    value_.emplace(std::forward<Args>(args)...);
    wake();
  }

  /// The same with a failure, which get() throws in every task. Throws std::invalid_argument for null.
  void set_exception(std::exception_ptr failure) {
    check_unset();
    if (failure == nullptr) throw std::invalid_argument("shared_result::set_exception: there is no exception");
    failure_ = std::move(failure);
    wake();
  }

  /// Whether there is a value or a failure.
  [[nodiscard]] bool has_result() const noexcept { return value_.has_value() || failure_ != nullptr; }

  /// Waits for the result; does not suspend if there is one. Returns a reference to the value, valid as long as this
  /// object, or throws the failure; `.result()` returns an io_error's error as a value. A cancelled wait has changed
  /// nothing.
  [[nodiscard]] auto get() noexcept { return waiter(*this); }

 private:
  class waiter : public detail::listed_wait<waiter, shown> {
   public:
    explicit waiter(shared_result& r) noexcept : result_(r) {}
    bool ready() noexcept {
      result_.home_.use("a shared_result");
      return result_.has_result();
    }
    void suspend() noexcept { result_.waiters_.push(*this); }
    shown take() {
      if (result_.failure_) std::rethrow_exception(result_.failure_);
      if constexpr (!std::is_void_v<T>) return *result_.value_;
    }
    as_value take_result() {
      if (result_.failure_ != nullptr) {
        try {
          std::rethrow_exception(result_.failure_);
        } catch (const io_error& e) {
          return e.details();
        }
      }
      if constexpr (std::is_void_v<T>) {
        return {};
      } else {
        return std::cref(*result_.value_);
      }
    }
    wait_description describe() const noexcept override { return {.operation = "wait for a shared result"}; }
    void wake() noexcept { this->complete(); }

   private:
    shared_result& result_;
  };

  void check_unset() {
    home_.use("a shared_result");
    if (has_result()) throw std::logic_error("shared_result: there is a result already");
  }
  void wake() noexcept {
    while (waiter* w = waiters_.pop()) w->wake();
  }

  detail::home home_;
  detail::wait_list<waiter> waiters_;
  std::optional<stored> value_;
  std::exception_ptr failure_;
};

}  // namespace wring
