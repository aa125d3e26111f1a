// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <list>
#include <utility>

#include <wring/core/callback/deferred.hpp>

namespace wring::detail {

/// The sources of deferreds that wait for something, in order of arrival; cancelled ones leave.
template <class T>
class deferred_waiters {
 public:
  deferred_waiters() = default;
  deferred_waiters(const deferred_waiters&) = delete;
  deferred_waiters& operator=(const deferred_waiters&) = delete;
  /// Fails the waiting deferreds, whose errbacks may cancel others, or try to wait again.
  ~deferred_waiters() {
    closing_ = true;
    while (!sources_.empty()) static_cast<void>(pop());
  }

  /// Whether no deferred is to be served.
  [[nodiscard]] bool empty() const noexcept { return closing_ || sources_.empty(); }
  [[nodiscard]] std::size_t size() const noexcept { return sources_.size(); }

  [[nodiscard]] deferred<T> add() {
    if (closing_) return fail<T>(broken_deferred());
    std::list<deferred_source<T>> one;
    one.emplace_back(nullptr);
    const auto place = one.begin();
    *place = deferred_source<T>([this, place] {
      deferred_source<T> leaving = std::move(*place);
      sources_.erase(place);
      leaving.errback(cancelled_error());
    });
    sources_.splice(sources_.end(), one);
    return place->get();
  }

  /// The first one, which it takes out.
  [[nodiscard]] deferred_source<T> pop() {
    deferred_source<T> first = std::move(sources_.front());
    sources_.pop_front();
    return first;
  }

 private:
  std::list<deferred_source<T>> sources_;
  bool closing_ = false;
};

}  // namespace wring::detail
