// SPDX-License-Identifier: MIT
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <wring/core/callback/call_later.hpp>
#include <wring/core/callback/cooperator.hpp>
#include <wring/core/callback/deferred_error.hpp>
#include <wring/core/callback/detail/callback_service.hpp>
#include <wring/core/callback/failure.hpp>
#include <wring/core/detail/flows/described.hpp>
#include <wring/core/log.hpp>

namespace wring {

cooperative_task_finished::~cooperative_task_finished() = default;
cooperative_task_done::cooperative_task_done() : cooperative_task_finished("the cooperative task is done") {}
cooperative_task_done::~cooperative_task_done() = default;
cooperative_task_stopped::cooperative_task_stopped() : cooperative_task_finished("the cooperative task was stopped") {}
cooperative_task_stopped::~cooperative_task_stopped() = default;
cooperative_task_failed::cooperative_task_failed() : cooperative_task_finished("the cooperative task has failed") {}
cooperative_task_failed::~cooperative_task_failed() = default;
cooperator_stopped::cooperator_stopped() : cooperative_task_finished("the cooperator was stopped") {}
cooperator_stopped::~cooperator_stopped() = default;
not_paused::not_paused() : std::logic_error("the cooperative task is not paused") {}
not_paused::~not_paused() = default;

namespace detail {

/// Takes turns: the work that has something to do, in a ring of which `next_` is the one whose turn it is. What is
/// added comes at the end of the round that is going on.
class cooperator_state : public std::enable_shared_from_this<cooperator_state> {
 public:
  explicit cooperator_state(const cooperator_options& options) : options_(options), started_(options.started) {
    static_cast<void>(scheduler::current());
    if (options.slice <= duration() || options.steps == 0) {
      throw std::invalid_argument(
          "cooperator_options: slice and steps must be positive, or nothing would ever be done");
    }
  }
  cooperator_state(const cooperator_state&) = delete;
  cooperator_state& operator=(const cooperator_state&) = delete;

  void push(cooperative_work& work) noexcept;
  void remove(cooperative_work& work) noexcept;
  void reschedule();
  void start();
  void stop() noexcept;
  [[nodiscard]] bool running() const noexcept { return started_ && !stopped_; }
  [[nodiscard]] bool stopped() const noexcept { return stopped_; }

 private:
  void tick();

  cooperator_options options_;
  cooperative_work* first_ = nullptr;
  cooperative_work* last_ = nullptr;
  cooperative_work* next_ = nullptr;  // null: the round is over
  delayed_call call_;
  bool started_;
  bool stopped_ = false;
};

/// Work and its end. Handles keep it, and it keeps itself while it takes turns or waits.
class cooperative_work : public std::enable_shared_from_this<cooperative_work> {
 public:
  enum class ending : std::uint8_t { none, done, stopped, failed, cooperator_stopped };

  cooperative_work(std::shared_ptr<cooperator_state> with, cooperative_step step) noexcept
      : with_(std::move(with)), step_(std::move(step)) {}
  cooperative_work(const cooperative_work&) = delete;
  cooperative_work& operator=(const cooperative_work&) = delete;
  ~cooperative_work() {
    if (ending_ == ending::failed && !told_) {
      const std::string stack = failure_.stack.line();
      log::error("unhandled failure of a cooperative task", {"error", described(failure_.exception)},
                 stack.empty() ? log::field() : log::field("stack", stack));
    }
  }

  void pause();
  void resume();
  void stop();
  [[nodiscard]] deferred<> when_done();
  /// when_done() for a caller that may cancel the work.
  [[nodiscard]] deferred<> owned();

  void step();
  void wait_for(deferred<bool> more);
  void end(ending how, fault failed = {});
  /// Takes turns if there is something to do.
  void settle();

 private:
  friend class cooperator_state;
  struct canceller;

  [[nodiscard]] bool over() const noexcept { return ending_ != ending::none; }
  void check_unfinished() const;
  bool waited(bool more, const fault& failed = {});
  bool cancel();
  void fire(deferred_source<>& source) const;

  const std::shared_ptr<cooperator_state> with_;
  cooperative_step step_;
  std::vector<deferred_source<>> waiting_;
  std::optional<deferred<>> waits_for_;
  fault failure_;
  std::shared_ptr<cooperative_work> queued_;  // itself, while it is in the ring
  cooperative_work* previous_ = nullptr;
  cooperative_work* next_ = nullptr;
  std::uint32_t pauses_ = 0;
  ending ending_ = ending::none;
  bool stepping_ = false;
  bool waits_ = false;
  bool cancelled_ = false;
  bool told_ = false;
};

struct cooperative_work::canceller final : typed_link<canceller> {
  explicit canceller(cooperative_work& w) noexcept : work(w) {}
  // The work has the source, and ends before that is destroyed.
  deferred_core* run(deferred_core& core) { return work.cancel() ? nullptr : &core; }
  cooperative_work& work;
};

void cooperator_state::push(cooperative_work& work) noexcept {
  work.previous_ = last_;
  work.next_ = nullptr;
  (last_ != nullptr ? last_->next_ : first_) = &work;
  last_ = &work;
  if (next_ == nullptr) next_ = &work;
}

void cooperator_state::remove(cooperative_work& work) noexcept {
  if (next_ == &work) next_ = work.next_;
  (work.previous_ != nullptr ? work.previous_->next_ : first_) = work.next_;
  (work.next_ != nullptr ? work.next_->previous_ : last_) = work.previous_;
  if (first_ == nullptr && call_.active()) std::exchange(call_, {}).cancel();
}

void cooperator_state::reschedule() {
  if (!running() || first_ == nullptr || call_.active()) return;
  call_ = call_later(duration(), [this] { tick(); });
}

void cooperator_state::tick() {
  const auto alive = shared_from_this();
  call_ = {};
  const std::int64_t until = scheduler::current().deadline_after(options_.slice);
  for (std::uint32_t left = options_.steps; first_ != nullptr && running();) {
    cooperative_work& work = next_ != nullptr ? *next_ : *first_;
    next_ = work.next_;
    work.step();
    if (--left == 0 || scheduler::current().clock_now() >= until) break;
  }
  reschedule();
}

void cooperator_state::start() {
  stopped_ = false;  // there is no work since then
  if (!std::exchange(started_, true)) reschedule();
}

void cooperator_state::stop() noexcept {
  const auto alive = shared_from_this();
  stopped_ = true;
  while (first_ != nullptr) {
    first_->end(cooperative_work::ending::cooperator_stopped, failure(cooperator_stopped()).fault());
  }
}

void cooperative_work::check_unfinished() const {
  switch (ending_) {
    case ending::none:
      return;
    case ending::done:
      throw cooperative_task_done();
    case ending::stopped:
      throw cooperative_task_stopped();
    case ending::failed:
      throw cooperative_task_failed();
    case ending::cooperator_stopped:
      throw cooperator_stopped();
  }
}

void cooperative_work::settle() {
  const bool busy = !over() && pauses_ == 0 && !waits_;
  if (busy && queued_ == nullptr) {
    if (with_->stopped()) {
      return end(ending::cooperator_stopped, failure(cooperator_stopped()).fault());
    }
    queued_ = shared_from_this();
    with_->push(*this);
    with_->reschedule();
  } else if (!busy && queued_ != nullptr) {
    const auto alive = std::move(queued_);
    with_->remove(*this);
  }
}

void cooperative_work::pause() {
  check_unfinished();
  ++pauses_;
  settle();
}

void cooperative_work::resume() {
  if (pauses_ == 0) throw not_paused();
  --pauses_;
  settle();
}

void cooperative_work::stop() {
  check_unfinished();
  end(ending::stopped, failure(cooperative_task_stopped()).fault());
}

deferred<> cooperative_work::when_done() {
  deferred_source<> source;
  auto result = source.get();
  told_ = true;
  if (over()) {
    fire(source);
  } else {
    waiting_.push_back(std::move(source));
  }
  return result;
}

deferred<> cooperative_work::owned() {
  auto result = when_done();
  if (!over()) result.core().set_canceller(result.core().make_link<canceller>(*this));
  return result;
}

void cooperative_work::fire(deferred_source<>& source) const {
  if (failure_.exception != nullptr) {
    source.errback(failure(failure_));
  } else {
    source.callback();
  }
}

void cooperative_work::end(ending how, fault failed) {
  const auto alive = shared_from_this();
  ending_ = how;
  failure_ = std::move(failed);
  settle();
  if (!stepping_ && !waits_) step_ = nullptr;
  for (deferred_source<>& source : std::exchange(waiting_, {})) fire(source);
}

void cooperative_work::step() {
  const auto alive = shared_from_this();
  stepping_ = true;
  bool more = false;
  fault thrown;
  try {
    more = step_(*this);
  } catch (...) {
    thrown = failure::current().fault();
  }
  stepping_ = false;
  if (over()) {
    if (!waits_) step_ = nullptr;  // stopped by its own step
  } else if (thrown.exception != nullptr) {
    end(ending::failed, std::move(thrown));
  } else if (!more) {
    end(ending::done);
  }
}

void cooperative_work::wait_for(deferred<bool> more) {
  const auto self = shared_from_this();
  waits_ = true;
  more.core().pass_on();
  auto waited_for = std::move(more).add_callbacks([self](bool is_more) { self->waited(is_more); },
                                                  [self](const failure& f) {
                                                    if (!self->waited(false, f.fault()))
                                                      f.raise();  // the work was stopped: the exception has no owner
                                                  });
  if (waits_) waits_for_.emplace(std::move(waited_for));
  settle();
}

/// What it waited for is there. False if the work is over.
bool cooperative_work::waited(bool more, const fault& failed) {
  waits_ = false;
  waits_for_.reset();
  if (over()) {
    step_ = nullptr;
    return false;
  }
  if (failed.exception != nullptr) {
    end(ending::failed, failed);
  } else if (cancelled_) {
    end(ending::stopped, failure(cancelled_error()).fault());
  } else if (!more) {
    end(ending::done);
  } else {
    settle();
  }
  return true;
}

/// True: it has ended.
bool cooperative_work::cancel() {
  if (!waits_for_) {
    end(ending::stopped, failure(cancelled_error()).fault());
    return true;
  }
  const auto alive = shared_from_this();
  const bool was_cancelled = std::exchange(cancelled_, true);
  try {
    waits_for_->cancel();
  } catch (...) {
    cancelled_ = was_cancelled;
    throw;
  }
  return over();
}

void wait_for(cooperative_work& work, deferred<bool> more) { work.wait_for(std::move(more)); }

cooperator& shared_cooperator() {
  std::shared_ptr<void>& kept = callback_service::current().shared_cooperator();
  if (kept == nullptr) kept = std::make_shared<cooperator>();
  return *static_cast<cooperator*>(kept.get());
}

}  // namespace detail

void cooperative_task::pause() { work_->pause(); }
void cooperative_task::resume() { work_->resume(); }
void cooperative_task::stop() { work_->stop(); }
deferred<> cooperative_task::when_done() { return work_->when_done(); }

cooperator::cooperator(const cooperator_options& options)
    : state_(std::make_shared<detail::cooperator_state>(options)) {}
cooperator::~cooperator() { state_->stop(); }

std::shared_ptr<detail::cooperative_work> cooperator::add(detail::cooperative_step step) {
  auto work = std::make_shared<detail::cooperative_work>(state_, std::move(step));
  work->settle();
  return work;
}
deferred<> cooperator::owned(std::shared_ptr<detail::cooperative_work> work) { return work->owned(); }

void cooperator::start() { state_->start(); }
void cooperator::stop() noexcept { state_->stop(); }
bool cooperator::running() const noexcept { return state_->running(); }

}  // namespace wring
