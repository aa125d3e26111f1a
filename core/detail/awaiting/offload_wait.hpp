// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <type_traits>

#include <wring/core/detail/awaiting/job_wait.hpp>
#include <wring/core/detail/flows/current_context.hpp>
#include <wring/core/detail/gcc12.hpp>

namespace wring::detail {

/// Calls what may take the job's token as its first argument.
template <class Token, class F, class... Args>
decltype(auto) call_job(const std::atomic<bool>& cancelled, F& fn, Args&&... args) {
  if constexpr (std::is_invocable_v<F&, Token, Args...>) {
    return std::invoke(fn, Token(cancelled), std::forward<Args>(args)...);
  } else {
    static_assert(std::is_invocable_v<F&, Args...>,
                  "the function must be callable with the arguments that are given to it, or with an offload_token in "
                  "front of them");
    return std::invoke(fn, std::forward<Args>(args)...);
  }
}
template <class Token, class F, class... Args>
using job_value =
    decltype(call_job<Token>(std::declval<std::atomic<bool>&>(), std::declval<F&>(), std::declval<Args>()...));

/// Runs a function of the caller on a thread and waits until it has returned, even when cancelled. Delivering. The job
/// is a part of the wait: nothing is allocated.
template <class F, class Token>
class [[nodiscard]] offload_wait final
    : public leaf<offload_wait<F, Token>, job_value<Token, std::remove_reference_t<F>>, job_wait> {
  using function_type = std::remove_reference_t<F>;

 public:
  using value_type = job_value<Token, function_type>;
  static constexpr bool refers_to_temporaries = !std::is_lvalue_reference_v<F>;

  offload_wait(thread_pool& pool, function_type& fn) noexcept
      : leaf<offload_wait, value_type, job_wait>(pool, job_), job_(fn) {
    if constexpr (refers_to_temporaries) assert_safe_callable<function_type>();
  }

  void suspend() noexcept { this->begin(this->host().context.get()); }
  void cancel() noexcept override { static_cast<void>(this->withdraw(false)); }
  value_type take() { return take_outcome(this->refusal(), job_.out); }
  auto take_result()
    requires(!is_result<value_type> && !std::is_reference_v<value_type>)
  {
    return take_outcome_as_result(this->refusal(), job_.out);
  }

 private:
  struct job final : awaited_job {
    explicit job(function_type& f) noexcept
        : awaited_job(
              [](pool_job& j) noexcept {
                auto& self = static_cast<job&>(j);
                const in_job_context here(self.context_);
                call_for(self.out, [&]() -> value_type { return call_job<Token>(self.cancelled, self.fn); });
              },
              [](pool_job& j) noexcept { static_cast<job&>(j).announce(); }),
          fn(f) {}

    function_type& fn;
    outcome<value_type> out;
  };

  job job_;
};

}  // namespace wring::detail
