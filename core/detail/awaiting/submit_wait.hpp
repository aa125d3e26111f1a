// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <functional>
#include <tuple>
#include <type_traits>
#include <utility>

#include <wring/core/awaiter.hpp>
#include <wring/core/detail/awaiting/job_wait.hpp>
#include <wring/core/detail/awaiting/remote_end.hpp>
#include <wring/core/detail/awaiting/stored_argument.hpp>
#include <wring/core/detail/flows/outcome.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/task.hpp>

namespace wring::detail {

/// Waits for what another scheduler runs for this task. The messages between the two (request, cancellation, answer)
/// are parts of the wait: they need no room, and sending them cannot fail.
///
/// The wait belongs to the other scheduler's thread from the request to the answer. A cancellation that was sent before
/// the work ended is awaited by the other side before it answers, since the message is a part of the wait, too.
class WRING_API submit_wait : public awaiter {
 public:
  static bool ready() noexcept { return false; }
  void suspend() noexcept;
  void cancel() noexcept override;
  [[nodiscard]] wait_description describe() const noexcept override { return {.operation = "work on a scheduler"}; }

 protected:
  explicit submit_wait(scheduler& on) noexcept;
  ~submit_wait() = default;

  /// There is neither value nor exception.
  [[noreturn]] static void raise_refused();

  // On the other scheduler's thread.

  /// Runs the work, and calls `finish` once when it has ended, maybe within this call.
  virtual void run(scheduler& here) noexcept = 0;
  /// Answers. Nothing of this may be used afterwards.
  void finish() noexcept;
  /// Calls `finish` when it is destroyed: a parameter of the work's task, which is destroyed after all its variables,
  /// also if the task never begins.
  class finisher {
   public:
    explicit finisher(submit_wait& w) noexcept : wait_(&w) {}
    finisher(finisher&& other) noexcept : wait_(std::exchange(other.wait_, nullptr)) {}
    finisher& operator=(finisher&&) = delete;
    ~finisher() {
      if (wait_ != nullptr && !wait_->starting_) wait_->finish();
    }
    [[nodiscard]] submit_wait& wait() const noexcept { return *wait_; }

   private:
    submit_wait* wait_;
  };
  /// Starts `task_of(finisher)` as a child of the scheduler's root nursery. Throws what that throws; then there is no
  /// child that finishes.
  template <class TaskOf>
  void start(scheduler& here, TaskOf task_of) {
    struct while_starting {
      bool& flag;
      explicit while_starting(bool& f) noexcept : flag(f) { flag = true; }
      while_starting(const while_starting&) = delete;
      while_starting& operator=(const while_starting&) = delete;
      ~while_starting() { flag = false; }
    };
    const while_starting starts(starting_);
    child_ = here.root().start(task_of, finisher(*this));
  }

 private:
  /// One message.
  struct link : remote_end {
    link(submit_wait& w, void (*on_turn)(remote_end&) noexcept) noexcept : remote_end(on_turn), wait(w) {}
    submit_wait& wait;
  };
  void requested() noexcept;
  void cancellation_arrived() noexcept;
  void answered() noexcept;
  [[nodiscard]] virtual bool has_outcome() const noexcept = 0;

  static constexpr std::uint8_t cancel_sent = 1;
  static constexpr std::uint8_t cancel_refused = 2;  // by the other scheduler, which is being destroyed
  static constexpr std::uint8_t ended = 4;

  scheduler* on_;
  scheduler* home_ = nullptr;
  std::atomic<std::uint8_t> progress_ = 0;
  bool starting_ = false;
  bool cancellation_seen_ = false;
  child_handle child_;
  link request_;
  link cancellation_;
  link answer_;
};

template <class F, class... Args>
struct submitted_result {
  using returned = std::invoke_result_t<F&, Args...>;
  using type = returned;
};
template <class F, class... Args>
  requires awaitable<std::invoke_result_t<F&, Args...>>
struct submitted_result<F, Args...> {
  using returned = std::invoke_result_t<F&, Args...>;
  using type = value_of<returned>;
};

/// The same with what it runs. Delivering.
template <class F, class... Args>
class [[nodiscard]] submit_wait_of final
    : public leaf<submit_wait_of<F, Args...>, typename submitted_result<F, Args...>::type, submit_wait> {
  using returned = typename submitted_result<F, Args...>::returned;

 public:
  using value_type = typename submitted_result<F, Args...>::type;
  static_assert(!std::is_reference_v<value_type>,
                "submit_to returns what the other scheduler has made by value: a reference would be to its objects");

  template <class G, class... As>
  explicit submit_wait_of(scheduler& on, G&& fn, As&&... args)
      : leaf<submit_wait_of, value_type, submit_wait>(on), fn_(std::forward<G>(fn)), args_(std::forward<As>(args)...) {
    assert_safe_callable<F>();
    (assert_safe_argument<Args>(), ...);
  }

  value_type take() {
    if (out_.cancelled()) this->raise_refused();
    return out_.take();
  }

 private:
  void run(scheduler& here) noexcept override {
    if constexpr (awaitable<returned>) {
      assert_arguments_last<F, Args...>();
      try {
        this->start(here, [](submit_wait::finisher f) { return run_task(std::move(f)); });
        return;
      } catch (...) {
        out_.failure = std::current_exception();
      }
    } else {
      call_for(out_, [this] { return call(); });
    }
    this->finish();
  }
  [[nodiscard]] bool has_outcome() const noexcept override { return !out_.cancelled(); }

  returned call() {
    return std::apply([this](auto&... each) { return std::invoke(fn_, static_cast<Args&&>(each)...); }, args_);
  }
  static task<> run_task(submit_wait::finisher f) {
    auto& self = static_cast<submit_wait_of&>(f.wait());
    try {
      if constexpr (std::is_void_v<value_type>) {
        co_await self.call();
        self.out_.value.emplace();
      } else {
        value_type value = co_await self.call();
        emplace_into_empty(self.out_.value, std::move(value));
      }
    } catch (...) {
      self.out_.failure = std::current_exception();
    }
  }

  F fn_;
  std::tuple<Args...> args_;
  outcome<value_type> out_;
};

}  // namespace wring::detail
