// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <exception>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <wring/core/callback/deferred.hpp>
#include <wring/core/callback/detail/gathering.hpp>
#include <wring/core/callback/failure.hpp>
#include <wring/core/detail/export.hpp>
#include <wring/core/detail/flows/outcome.hpp>

namespace wring {

/// The deferred that won a race, and its value.
template <class T>
struct race_result {
  std::size_t index;
  detail::storable<T> value;
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

/// Fires with the first value and the index of its deferred, and cancels all others, whose outcomes are dropped. Fails
/// with failure_group if all fail. Cancelling it cancels all. Without deferreds it never fires unless it is cancelled,
/// which makes it fail with cancelled_error; returned to another chain or put into a list, it fails with
/// broken_deferred at once.
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
