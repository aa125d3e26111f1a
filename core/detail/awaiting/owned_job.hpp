// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <ranges>
#include <tuple>
#include <type_traits>
#include <utility>

#include <wring/core/detail/awaiting/job_wait.hpp>
#include <wring/core/detail/awaiting/offload_wait.hpp>
#include <wring/core/detail/flows/current_context.hpp>
#include <wring/core/log_context.hpp>

namespace wring::detail {

template <class T>
inline constexpr bool is_reference_wrapper = false;
template <class T>
inline constexpr bool is_reference_wrapper<std::reference_wrapper<T>> = true;

/// Whether T refers to what it does not own, as far as the type tells.
template <class T>
inline constexpr bool borrows =
    std::is_reference_v<T> || (std::is_pointer_v<T> && !std::is_function_v<std::remove_pointer_t<T>>) ||
    is_reference_wrapper<T> || (std::ranges::view<T> && std::ranges::borrowed_range<T>);

/// A job that may outlive the wait: a block of its own, freed by the last to need it.
class WRING_API owned_job : public awaited_job {
 public:
  virtual ~owned_job();
  owned_job(const owned_job&) = delete;
  owned_job& operator=(const owned_job&) = delete;

  /// The wait no longer needs it. False if it has ended, and the wait is about to be notified.
  [[nodiscard]] bool abandon() noexcept { return stage_.exchange(stage::left_by_one) == stage::shared; }

  /// Before it is begun: its records carry the fields of the task. If there is no memory for them, they do not.
  [[nodiscard]] const context_node* carry_fields(const context_node* innermost) noexcept;

 protected:
  explicit owned_job(call_fn to_run) noexcept;

 private:
  enum class stage : unsigned char { shared, left_by_one };
  std::atomic<stage> stage_ = stage::shared;
  log::detail::carried_fields fields_;
};

template <class Token, class F, class... Args>
class owned_job_of final : public owned_job {
 public:
  using value_type = job_value<Token, F, Args...>;
  static_assert(!borrows<value_type>,
                "what the function returns must own what it refers to: its arguments have been destroyed then");
  static_assert(
      (!borrows<Args> && ...),
      "offload_owned may outlive what this argument refers to: pass what owns it (a std::string, a std::vector, "
      "a std::shared_ptr), or use offload, which waits");
  static_assert(std::is_empty_v<F> || std::is_function_v<std::remove_pointer_t<F>> || std::is_member_pointer_v<F>,
                "offload_owned may outlive what this callable has captured: pass that as further arguments");

  template <class G, class... As>
  explicit owned_job_of(G&& fn, As&&... args)
      : owned_job([](pool_job& j) noexcept {
          auto& self = static_cast<owned_job_of&>(j);
          const in_job_context here(self.context_);
          call_for(self.out, [&]() -> value_type {
            return std::apply(
                [&](Args&... each) -> value_type {
                  return call_job<Token>(self.cancelled, self.fn_, std::move(each)...);
                },
                self.args_);
          });
        }),
        fn_(std::forward<G>(fn)),
        args_(std::forward<As>(args)...) {}

  outcome<value_type> out;

 private:
  [[no_unique_address]] F fn_;
  std::tuple<Args...> args_;
};

/// Waits for such a job; cancelled, it abandons it. Delivering.
template <class Job>
class [[nodiscard]] owned_wait final : public leaf<owned_wait<Job>, typename Job::value_type, job_wait> {
 public:
  using value_type = typename Job::value_type;

  owned_wait(thread_pool& pool, std::unique_ptr<Job> job) noexcept
      : leaf<owned_wait, value_type, job_wait>(pool, *job), job_(std::move(job)) {}

  void suspend() noexcept { this->begin(job_->carry_fields(this->host().context.get())); }
  void cancel() noexcept override {
    if (this->withdraw(true) || !job_->abandon()) return;
    static_cast<void>(job_.release());
    this->give_up();
  }
  value_type take() { return take_outcome(this->refusal(), job_->out); }
  auto take_result()
    requires(!is_result<value_type>)
  {
    return take_outcome_as_result(this->refusal(), job_->out);
  }

 private:
  std::unique_ptr<Job> job_;
};

template <class Token, class F, class... Args>
auto make_owned_wait(thread_pool& pool, F&& fn, Args&&... args) {
  using job = owned_job_of<Token, std::decay_t<F>, std::decay_t<Args>...>;
  return owned_wait<job>(pool, std::make_unique<job>(std::forward<F>(fn), std::forward<Args>(args)...));
}

}  // namespace wring::detail
