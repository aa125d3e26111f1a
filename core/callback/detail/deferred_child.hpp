// SPDX-License-Identifier: MIT
#pragma once

#include <exception>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

#include <wring/core/callback/detail/deferred_core.hpp>
#include <wring/core/detail/awaiting/bound_task.hpp>
#include <wring/core/detail/flows/outcome.hpp>
#include <wring/core/nursery.hpp>

namespace wring::detail {

/// The child of a nursery behind start_deferred, as far as it does not depend on what it runs.
class WRING_API deferred_child : public child_flow {
 protected:
  deferred_child(nursery& parent, deferred_core& fires);
  ~deferred_child() = default;

  /// Fires the deferred; null: the task was cancelled.
  void fail(std::exception_ptr e) noexcept;
  /// Fires the deferred with the value set.
  void succeed() noexcept;
  [[nodiscard]] deferred_core& chain() noexcept { return *chain_; }

 private:
  struct canceller;
  void ask_to_end() noexcept;

  core_ref chain_;
  bool asked_to_end_ = false;
};

template <class Fn, class... Args>
class deferred_child_of final : public child_base<deferred_child_of<Fn, Args...>, deferred_child> {
 public:
  using value_type = typename bound_task<Fn, Args...>::task_type::value_type;

  template <class F, class... As>
  deferred_child_of(nursery& parent, deferred_core& fires, F&& fn, As&&... args) : base(parent, fires) {
    ::new (static_cast<void*>(&work_)) bound_task<Fn, Args...>(std::forward<F>(fn), std::forward<As>(args)...);
  }
  deferred_child_of(const deferred_child_of&) = delete;
  deferred_child_of& operator=(const deferred_child_of&) = delete;
  ~deferred_child_of() {}  // finish() has destroyed the work

 private:
  using base = child_base<deferred_child_of, deferred_child>;
  friend base;

  bool begin() override { return work_.task.begin_await(*this); }

  // The deferred is fired when nothing is left of the task, its arguments included.
  std::exception_ptr finish(bool by_cancellation) noexcept {
    outcome<value_type> out;
    if (!by_cancellation) out.take_from(work_.task);
    std::destroy_at(&work_);
    if (!out.value) {
      this->fail(std::move(out.failure));
      return nullptr;
    }
    try {
      if constexpr (std::is_void_v<value_type>) {
        this->chain().template set_value<void>();
      } else {
        this->chain().template set_value<value_type>(std::move(*out.value));
      }
    } catch (...) {
      this->fail(std::current_exception());
      return nullptr;
    }
    this->succeed();
    return nullptr;
  }

  union {
    bound_task<Fn, Args...> work_;
  };
};

}  // namespace wring::detail
