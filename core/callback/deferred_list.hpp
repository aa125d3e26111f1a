// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <wring/core/callback/deferred.hpp>
#include <wring/core/callback/failure.hpp>
#include <wring/core/detail/outcome.hpp>

namespace wring {

/// How one deferred of several ended: with a value or a failure.
template <class T>
struct deferred_result {
  std::optional<detail::storable<T>> value;
  std::optional<failure> error;

  [[nodiscard]] bool succeeded() const noexcept { return value.has_value(); }
};

/// The first success of several deferreds; or how all of them failed.
template <class T>
struct first_result {
  std::optional<detail::storable<T>> value;
  std::size_t index = 0;                ///< of the deferred that gave the value
  std::vector<deferred_result<T>> all;  ///< if there is no value
};

/// The deferred that won a race, and its value.
template <class T>
struct race_result {
  std::size_t index;
  detail::storable<T> value;
};

/// What gather_results, and lists that are told so, fail with: the first failure, and whose it was.
class WRING_API first_error : public std::exception {
 public:
  first_error(failure first, std::size_t index);
  first_error(const first_error&) noexcept = default;
  first_error& operator=(const first_error&) noexcept = default;
  ~first_error() override;

  [[nodiscard]] const failure& sub_failure() const noexcept { return details_->first; }
  [[nodiscard]] std::size_t index() const noexcept { return details_->index; }
  [[nodiscard]] const char* what() const noexcept override { return details_->text.c_str(); }

 private:
  struct details {
    failure first;
    std::size_t index;
    std::string text;
  };
  std::shared_ptr<const details> details_;
};

/// What a race fails with: all failures, in the order of the deferreds.
class WRING_API failure_group : public std::exception {
 public:
  explicit failure_group(std::vector<failure> failures);
  failure_group(const failure_group&) noexcept = default;
  failure_group& operator=(const failure_group&) noexcept = default;
  ~failure_group() override;

  [[nodiscard]] const std::vector<failure>& failures() const noexcept { return details_->failures; }
  [[nodiscard]] const char* what() const noexcept override { return details_->text.c_str(); }

 private:
  struct details {
    std::vector<failure> failures;
    std::string text;
  };
  std::shared_ptr<const details> details_;
};

struct deferred_list_options {
  /// Fail with first_error as soon as one fails.
  bool fire_on_one_errback = false;
  /// Take the failures off the deferreds. Otherwise each stays on its own deferred as well, and is reported if nobody
  /// handles it there.
  bool consume_errors = false;
};

namespace detail {

/// Cancels chains, but for one; logs what their cancellers throw.
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

/// Cancelling the whole cancels the parts, and what comes of that decides.
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
    // Callbacks that a pause has held up to here run before the first of the deferreds counts.
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

template <class T>
deferred<std::vector<deferred_result<T>>> make_list(std::vector<deferred<T>>& deferreds, bool keep,
                                                    const deferred_list_options& options) {
  using out = std::vector<deferred_result<T>>;
  if (deferreds.empty()) return succeed(out());
  return gather<out>(deferreds, keep, options.consume_errors,
                     [on_one = options.fire_on_one_errback](gathering<T, out>& whole, std::size_t i) {
                       if (on_one && whole.results[i].error) return fail_with(whole, i);
                       if (whole.complete()) whole.out.callback(std::move(whole.results));
                     });
}

template <class T>
deferred<first_result<T>> make_first(std::vector<deferred<T>>& deferreds, bool keep,
                                     const deferred_list_options& options) {
  using out = first_result<T>;
  return gather<out>(deferreds, keep, options.consume_errors,
                     [on_one = options.fire_on_one_errback](gathering<T, out>& whole, std::size_t i) {
                       auto& result = whole.results[i];
                       if (result.value) {
                         whole.out.callback(out{.value = std::move(result.value), .index = i, .all = {}});
                       } else if (on_one) {
                         fail_with(whole, i);
                       } else if (whole.complete()) {
                         whole.out.callback(out{.value = {}, .index = 0, .all = std::move(whole.results)});
                       }
                     });
}

/// What gather_results gives for deferreds of T.
template <class T>
using gathered = std::conditional_t<std::is_void_v<T>, void, std::vector<storable<T>>>;

}  // namespace detail

/// Fires with how each of `deferreds` ended, in their order, when all have; at once if there are none. Until it has
/// fired, cancel() cancels all of them and the list fires as it would anyway; what cancellers throw is logged.
///
/// A temporary vector (`std::move(ds)`) gives the deferreds away. Of one with a name the deferreds stay where they are:
/// values are copied, and go on there as well; with `consume_errors`, so does a T() in place of a failure.
template <class T>
auto deferred_list(std::vector<deferred<T>>&& deferreds, deferred_list_options options = {}) {
  return detail::make_list(deferreds, false, options);
}
template <class T>
  requires(std::is_void_v<T> || (std::copy_constructible<T> && std::default_initializable<T>))
auto deferred_list(std::vector<deferred<T>>& deferreds, deferred_list_options options = {}) {
  return detail::make_list(deferreds, true, options);
}

/// As deferred_list with Twisted's fireOnOneCallback: fires with the first value, and which deferred gave it. If all
/// fail, it fires too, without a value. The others are not cancelled. Of no deferreds, it is as a race of none.
template <class T>
auto deferred_list_first(std::vector<deferred<T>>&& deferreds, deferred_list_options options = {}) {
  return detail::make_first(deferreds, false, options);
}
template <class T>
  requires(std::is_void_v<T> || (std::copy_constructible<T> && std::default_initializable<T>))
auto deferred_list_first(std::vector<deferred<T>>& deferreds, deferred_list_options options = {}) {
  return detail::make_first(deferreds, true, options);
}

/// Fires with the values of all, in their order (`deferred<void>` for void). Fails with first_error when the first one
/// fails; the others go on, and their values are dropped. Cancelling it cancels all, and so gives a first_error.
/// `consume_errors`: further failures are not reported as unhandled, nor is the first one by its own deferred.
template <class T>
deferred<detail::gathered<T>> gather_results(std::vector<deferred<T>>&& deferreds, bool consume_errors = false) {
  using out = detail::gathered<T>;
  const auto fire = [](detail::gathering<T, out>& whole) {
    if constexpr (std::is_void_v<T>) {
      whole.out.callback();
    } else {
      out values;
      values.reserve(whole.results.size());
      for (auto& result : whole.results) values.push_back(std::move(*result.value));
      whole.out.callback(std::move(values));
    }
  };
  if (deferreds.empty()) {
    detail::gathering<T, out> nothing;
    auto d = nothing.out.get();
    fire(nothing);
    return d;
  }
  return detail::gather<out>(deferreds, false, consume_errors, [fire](detail::gathering<T, out>& whole, std::size_t i) {
    if (whole.results[i].error) return detail::fail_with(whole, i);
    if (whole.complete()) fire(whole);
  });
}

/// Fires with the first value and whose it is, and cancels all others, dropping what comes of them. Fails with
/// failure_group if all fail. Cancelling it cancels all. Of no deferreds, it never fires unless it is cancelled, which
/// gives cancelled_error; given to a callback's chain, another chain or a list, it fails with broken_deferred at once.
template <class T>
deferred<race_result<T>> race(std::vector<deferred<T>>&& deferreds) {
  using out = race_result<T>;
  return detail::gather<out>(deferreds, false, true, [](detail::gathering<T, out>& whole, std::size_t i) {
    if (whole.results[i].value) {
      out won{.index = i, .value = std::move(*whole.results[i].value)};
      whole.decided = true;
      detail::cancel_all(whole.chains, i);
      whole.out.callback(std::move(won));
    } else if (whole.complete()) {
      std::vector<failure> failures;
      for (auto& result : whole.results) failures.push_back(std::move(*result.error));
      whole.out.errback(failure_group(std::move(failures)));
    }
  });
}

}  // namespace wring
