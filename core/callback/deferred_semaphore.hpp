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

/// A number of tokens for callback code: `acquire()` returns a deferred that fires when the caller has one. Fair: in
/// order of arrival. For tasks there is `semaphore`. Must outlive what it runs. Its destructor fails waiting deferreds
/// with broken_deferred. One thread.
class deferred_semaphore {
 public:
  /// Throws std::invalid_argument for zero tokens.
  explicit deferred_semaphore(std::size_t tokens) : tokens_(tokens), limit_(tokens) {
    if (tokens == 0) throw std::invalid_argument("deferred_semaphore: at least one token is needed");
  }
  deferred_semaphore(const deferred_semaphore&) = delete;
  deferred_semaphore& operator=(const deferred_semaphore&) = delete;

  /// Returns a deferred that fires when the caller has a token. Cancelled while it waits, it leaves the queue.
  [[nodiscard]] deferred<> acquire() {
    if (tokens_ == 0) return waiters_.add();
    --tokens_;
    return succeed();
  }

  /// Returns a token, or passes it on to the next in the queue, whose callbacks run before this returns, as those of
  /// every source do (see deferred_source). Throws std::logic_error if no token is held.
  void release() {
    if (tokens_ == limit_) throw std::logic_error("deferred_semaphore::release: no token is held");
    if (waiters_.empty()) {
      ++tokens_;
    } else {
      waiters_.pop().callback();
    }
  }

  /// Tokens that are not held.
  [[nodiscard]] std::size_t tokens() const noexcept { return tokens_; }
  [[nodiscard]] std::size_t limit() const noexcept { return limit_; }
  /// The number of deferreds that wait.
  [[nodiscard]] std::size_t waiting() const noexcept { return waiters_.size(); }

  /// Calls `fn(args...)` with a token, as maybe_deferred does, and releases it when the outcome is known, with which
  /// the returned deferred fires. Callable and arguments are moved or copied.
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
