// SPDX-License-Identifier: MIT
#include <exception>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include <wring/core/callback/call_later.hpp>
#include <wring/core/callback/deferred_error.hpp>
#include <wring/core/callback/looping_call.hpp>

namespace wring::detail {

/// Belongs to the looping_call, and to the iteration that is under way.
class looping_state {
 public:
  explicit looping_state(looping_function fn) noexcept : fn_(std::move(fn)) {}
  looping_state(const looping_state&) = delete;
  looping_state& operator=(const looping_state&) = delete;

  deferred<> start(duration interval, bool now) {
    if (running_) throw std::logic_error("looping_call::start: it is running already");
    if (iterating_) throw std::logic_error("looping_call::start: an iteration of the last start is still under way");
    if (interval < duration()) {
      throw std::invalid_argument("looping_call::start: the interval is " + std::to_string(interval.count()) +
                                  " ns, but must not be negative");
    }
    home_ = &scheduler::current();
    deferred_source<> ended;
    auto result = ended.get();
    result.core().set_canceller(result.core().make_link<canceller>(*this));
    ended_ = std::move(ended);
    running_ = true;
    cancelled_ = false;
    interval_ = interval.count();
    started_at_ = home_->clock_now();
    counted_at_ = now ? started_at_ - interval_ : started_at_;
    counted_ = false;
    if (now) {
      iterate();
    } else {
      schedule(started_at_);
    }
    return result;
  }

  void stop() {
    check_running("stop");
    running_ = false;
    if (iterating_) return;
    drop_call();
    end({});
  }

  void reset() {
    check_running("reset");
    if (iterating_) return;
    drop_call();
    started_at_ = home_->clock_now();
    if (!counted_) counted_at_ = started_at_;
    schedule(started_at_);
  }

  /// The looping_call has been destroyed.
  void abandon() {
    if (running_) stop();
    release();
  }

  [[nodiscard]] bool running() const noexcept { return running_; }
  [[nodiscard]] duration interval() const noexcept { return std::chrono::nanoseconds(interval_); }

 private:
  struct canceller final : typed_link<canceller> {
    explicit canceller(looping_state& s) noexcept : state(s) {}
    deferred_core* run(deferred_core& core) { return state.cancel() ? nullptr : &core; }
    looping_state& state;
  };

  void retain() noexcept { ++references_; }
  void release() noexcept {
    if (--references_ == 0) delete this;
  }

  void check_running(const char* what) const {
    if (!running_) throw std::logic_error(std::string("looping_call::") + what + ": it is not running");
  }

  void schedule(std::int64_t when) {
    // The call is dropped before this is destroyed: by stop(), at the latest in abandon().
    std::int64_t wait = interval_;
    if (wait != 0 && wait != forever.count()) wait -= (when - started_at_) % interval_;
    call_ = call_later(std::chrono::nanoseconds(wait), [this] { iterate(); });
  }

  void drop_call() {
    if (call_.active()) call_.cancel();
    call_ = {};
  }

  /// Ticks since the last iteration, as Twisted counts them: after a reset the grid is another one.
  [[nodiscard]] std::int64_t ticks() noexcept {
    const std::int64_t now = home_->clock_now();
    std::int64_t count = 1;
    if (interval_ != 0) count = (now - started_at_) / interval_ - (counted_at_ - started_at_) / interval_;
    if (count > 0) {
      counted_at_ = now;
      counted_ = true;
    }
    return count;
  }

  void iterate() {
    call_ = {};
    iterating_ = true;
    retain();
    const std::int64_t count = ticks();
    // None, if a reset has moved the grid just so.
    auto made = count > 0 ? fn_(static_cast<std::uint64_t>(count)) : succeed();
    made.core().pass_on();
    auto under_way = std::move(made).add_callbacks([this] { ended_iteration({}); },
                                                   [this](const failure& f) { ended_iteration(f.fault()); });
    if (!iterating_) return release();
    iteration_.emplace(std::move(under_way));
    if (cancelled_) iteration_->cancel();
  }

  void ended_iteration(const fault& failed) {
    iterating_ = false;
    const bool later = iteration_.has_value();
    iteration_.reset();
    if (failed.exception != nullptr) {
      running_ = false;
      end(failed);
    } else if (running_) {
      schedule(home_->clock_now());
    } else {
      end(cancelled_ ? failure(cancelled_error()).fault() : fault());
    }
    if (later) release();
  }

  void end(const fault& failed) {
    deferred_source<> ended = std::move(ended_);
    if (!ended.valid()) return;
    if (failed.exception != nullptr) {
      ended.errback(failure(failed));
    } else {
      ended.callback();
    }
  }

  /// Whether nothing is under way: the deferred may fail at once.
  bool cancel() {
    if (!iterating_) {
      running_ = false;
      drop_call();
      end(failure(cancelled_error()).fault());
      return true;
    }
    const bool was_running = std::exchange(running_, false);
    const bool was_cancelled = std::exchange(cancelled_, true);
    if (!iteration_) return false;  // cancelled by the function itself, which has yet to return
    const core_ref iteration = core_ref::share(iteration_->core());
    retain();
    try {
      iteration_->cancel();
    } catch (...) {
      if (iteration_ && &iteration_->core() == &*iteration) {
        running_ = was_running;
        cancelled_ = was_cancelled;
      }
      release();
      throw;
    }
    release();
    return false;
  }

  looping_function fn_;
  scheduler* home_ = nullptr;
  delayed_call call_;
  deferred_source<> ended_{nullptr};
  std::optional<deferred<>> iteration_;
  std::int64_t interval_ = 0;
  std::int64_t started_at_ = 0;
  std::int64_t counted_at_ = 0;
  std::uint32_t references_ = 1;
  bool running_ = false;
  bool iterating_ = false;
  bool cancelled_ = false;
  bool counted_ = false;  // there was an iteration since start()
};

void looping_state_deleter::operator()(looping_state* state) const noexcept { state->abandon(); }

}  // namespace wring::detail

namespace wring {

looping_call::looping_call(detail::looping_function fn) : state_(new detail::looping_state(std::move(fn))) {}

deferred<> looping_call::start(duration interval, bool now) { return state_->start(interval, now); }
void looping_call::stop() { state_->stop(); }
void looping_call::reset() { state_->reset(); }
bool looping_call::running() const noexcept { return state_->running(); }
duration looping_call::interval() const noexcept { return state_->interval(); }

}  // namespace wring
