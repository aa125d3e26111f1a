// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <cstddef>
#include <exception>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include <wring/core/callback/deferred.hpp>
#include <wring/core/callback/deferred_result.hpp>
#include <wring/core/callback/failure.hpp>
#include <wring/core/callback/first_error.hpp>

namespace wring::detail {

/// Cancels chains, except one; logs what their cancellers throw.
WRING_API void cancel_all(const std::vector<core_ref>& chains, std::size_t but = static_cast<std::size_t>(-1)) noexcept;

/// Several chains of T that end in one deferred of Out. Kept by their links, until all have ended.
template <class T, class Out>
struct gathering {
  std::vector<core_ref> chains;
  std::vector<deferred_result<T>> results;
  std::size_t ended = 0;
  bool decided = false;  // further ends do not matter
  deferred_source<Out> out;

  [[nodiscard]] bool complete() const noexcept { return ended == results.size(); }
};

/// Cancelling the whole cancels the parts, whose outcomes then decide.
template <class Gathering>
struct cancel_parts final : typed_link<cancel_parts<Gathering>> {
  explicit cancel_parts(const std::shared_ptr<Gathering>& w) noexcept : whole(w) {}
  deferred_core* run(deferred_core& core) noexcept {
    const auto kept = whole.lock();
    cancel_all(kept->chains);
    return &core;
  }
  std::weak_ptr<Gathering> whole;
};

/// The end, or if `keep` a place, of one of the chains.
template <class T, class Out, class OnEnd>
struct part_link final : typed_link<part_link<T, Out, OnEnd>> {
  using whole_type = std::shared_ptr<gathering<T, Out>>;

  part_link(const whole_type& w, std::size_t i, bool keep_value, bool take_error, const OnEnd& then)
      : whole(w), on_end(then), index(i), keep(keep_value), consume(take_error) {}

  deferred_core* run(deferred_core& core) noexcept {
    deferred_result<T>& result = whole->results[index];
    try {
      if (core.state() == deferred_core::status::failed) {
        result.error.emplace(core.peek_failure());
        if (consume) replace_error(core);
      } else if constexpr (std::is_void_v<T>) {
        result.value.emplace();
      } else if (!keep) {
        result.value.emplace(core.take_value<T>());
      } else if constexpr (std::copy_constructible<T>) {
        result.value.emplace(core.peek_value<T>());
      }
    } catch (...) {
      result.error.emplace(failure::current());
    }
    ++whole->ended;
    if (whole->decided || whole->out.called()) return nullptr;
    try {
      on_end(*whole, index);
    } catch (...) {
      if (!whole->out.called()) whole->out.errback();
    }
    return nullptr;
  }

  void replace_error(deferred_core& core) {
    static_cast<void>(core.take_failure());
    if (!keep) return;
    if constexpr (std::is_void_v<T>) {
      core.set_value<void>();
    } else if constexpr (std::default_initializable<T>) {
      core.set_value<T>();
    }
  }

  whole_type whole;
  [[no_unique_address]] OnEnd on_end;
  std::size_t index;
  bool keep;
  bool consume;
};

/// One that fires when it is cancelled, and otherwise never.
template <class T>
deferred<T> never() {
  deferred_source<T> source;
  auto out = source.get();
  source.hand_over();
  out.core().set_sourceless();
  return out;
}

/// Puts the deferreds together: `on_end(gathering, index)` is called when one has ended and the whole was not fired
/// yet.
template <class Out, class T, class OnEnd>
deferred<Out> gather(std::vector<deferred<T>>& parts, bool keep, bool consume, const OnEnd& on_end) {
  using whole_type = gathering<T, Out>;
  if (parts.empty()) return never<Out>();
  const auto whole = std::make_shared<whole_type>();
  whole->results.resize(parts.size());
  whole->chains.reserve(parts.size());
  for (deferred<T>& part : parts) whole->chains.push_back(core_ref::share(part.core()));
  if (!keep) {
    for (deferred<T>& part : parts) core_ref(std::move(part).pass_on_as())->pass_on();
    // Callbacks that a pause has held back until now run before the first of the deferreds counts.
    for (const core_ref& chain : whole->chains) {
      if (chain->settled() && chain->has_links()) chain->go_on();
    }
  }
  auto out = whole->out.get();
  out.core().set_canceller(out.core().template make_link<cancel_parts<whole_type>>(whole));
  for (std::size_t i = 0; i != whole->chains.size(); ++i) {
    deferred_core& chain = *whole->chains[i];
    if (keep) chain.break_if_sourceless();
    auto* const link = chain.make_link<part_link<T, Out, OnEnd>>(whole, i, keep, consume, on_end);
    chain.append(*link);
    if (!keep) chain.set_tail(deferred_core::tail::dropped);
  }
  return out;
}

/// Fails the whole with the failure of one.
template <class T, class Out>
void fail_with(gathering<T, Out>& whole, std::size_t index) {
  const failure& first = *whole.results[index].error;
  whole.out.errback(failure(fault{std::make_exception_ptr(first_error(first, index)), first.fault().stack}));
}

}  // namespace wring::detail
