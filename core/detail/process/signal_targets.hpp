// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <stdexcept>
#include <thread>

namespace wring {
class scheduler;
}

namespace wring::detail {

/// The schedulers that a signal handler tells of its signal. Lock-free where the handler looks; `add` and `remove` are
/// for one thread at a time.
class signal_targets {
 public:
  static constexpr std::size_t most = 1024;

  /// Returns its place.
  std::size_t add(scheduler& s) {
    std::size_t place = 0;
    while (place < most && targets_[place].load() != nullptr) ++place;
    if (place == most) throw std::length_error("too many schedulers handle signals");
    targets_[place].store(&s);
    return place;
  }

  /// No handler refers to the scheduler afterwards.
  void remove(std::size_t place) noexcept {
    targets_[place].store(nullptr);
    // A handler on another thread may have found the scheduler just before.
    while (handlers_running_.load() != 0) std::this_thread::yield();
  }

  /// For handlers.
  template <class Tell>
  void tell(Tell tell) noexcept {
    ++handlers_running_;
    for (std::atomic<scheduler*>& target : targets_) {
      if (scheduler* s = target.load()) tell(*s);
    }
    --handlers_running_;
  }

 private:
  static_assert(std::atomic<scheduler*>::is_always_lock_free && std::atomic<int>::is_always_lock_free);

  std::array<std::atomic<scheduler*>, most> targets_{};
  std::atomic<int> handlers_running_ = 0;
};

}  // namespace wring::detail
