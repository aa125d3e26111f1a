// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <stdexcept>
#include <tuple>
#include <type_traits>
#include <utility>

#include <wring/core/callback/deferred.hpp>
#include <wring/core/callback/detail/deferred_waiters.hpp>
#include <wring/core/callback/maybe_deferred.hpp>

namespace wring {

/// A number of tokens for callback code: `acquire()` gives a deferred that fires when the caller has one. In order of
/// arrival. For tasks there is `semaphore`. Must outlive what it runs. Destroyed, it fails those who wait with
/// broken_deferred. One thread.
class deferred_semaphore {
 public:
  /// Throws std::invalid_argument for no tokens.
  explicit deferred_semaphore(std::size_t tokens) : tokens_(tokens), limit_(tokens) {
    if (tokens == 0) throw std::invalid_argument("deferred_semaphore: at least one token is needed");
  }
  deferred_semaphore(const deferred_semaphore&) = delete;
  deferred_semaphore& operator=(const deferred_semaphore&) = delete;

  /// Fires when the caller has a token. Cancelled while it waits, the deferred leaves the queue.
  [[nodiscard]] deferred<> acquire() {
    if (tokens_ == 0) return waiters_.add();
    --tokens_;
    return succeed();
  }

  /// Gives a token back, or passes it on to the next in the queue, whose callbacks run before this returns, as
  /// those of every source (see deferred_source). Throws
  /// std::logic_error if all tokens are there.
  void release() {
    if (tokens_ == limit_) throw std::logic_error("deferred_semaphore::release: nobody has a token");
    if (waiters_.empty()) {
      ++tokens_;
    } else {
      waiters_.pop().callback();
    }
  }

  /// Those that can be had at once.
  [[nodiscard]] std::size_t tokens() const noexcept { return tokens_; }
  [[nodiscard]] std::size_t limit() const noexcept { return limit_; }
  /// How many deferreds wait.
  [[nodiscard]] std::size_t waiting() const noexcept { return waiters_.size(); }

  /// Calls `fn(args...)` with a token, as maybe_deferred does, and releases it when the outcome is there, which is what
  /// the returned deferred fires with. Callable and arguments are moved along.
  template <class Fn, class... Args>
  auto run(Fn fn, Args... args) {
    return acquire().add_callback([this, fn = std::move(fn), args = std::tuple(std::move(args)...)]() mutable {
      return std::apply([&](auto&... each) { return maybe_deferred(std::move(fn), std::move(each)...); }, args)
          .add_both([this](auto&&... outcome) {
            release();
            if constexpr (sizeof...(outcome) == 1) return (std::move(outcome), ...);
          });
    });
  }

 private:
  std::size_t tokens_;
  std::size_t limit_;
  detail::deferred_waiters<void> waiters_;
};

}  // namespace wring
