// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <type_traits>
#include <utility>

#include <wring/core/awaitable.hpp>
#include <wring/core/detail/awaiting/operand.hpp>
#include <wring/core/detail/export.hpp>
#include <wring/core/duration.hpp>
#include <wring/core/task.hpp>
#include <wring/core/testing/check_failed.hpp>
#include <wring/net/testing/stream_check_options.hpp>

namespace wring::net::detail {

WRING_API task<> check_stream(const std::function<task<testing::stream_pair>()>& make,
                              const testing::stream_check_options& options);

}  // namespace wring::net::detail

namespace wring::testing {

/// Checks that streams keep the contract of `net::stream`, rule by rule, each on a fresh pair from both of its ends.
/// `make()` returns the two ends of a new connection, as a std::pair or a task of one. Throws `check_failed`, which
/// says which rule was broken and how. The streams must accept 1 KiB that is not read yet. Await it inside a scheduler
/// whose clock runs:
///
///     wring::testing::run([]() -> wring::task<> {
///       co_await wring::testing::check_stream([] { return wring::net::make_memory_stream_pair(); });
///     });
template <class Make>
task<> check_stream(Make make, stream_check_options options = {}) {
  wring::detail::assert_safe_callable<Make>();
  const std::function<task<stream_pair>()> erased = [&]() -> task<stream_pair> {
    if constexpr (wring::awaitable<std::invoke_result_t<Make&>>) {
      auto made = co_await make();
      co_return stream_pair(std::move(made.first), std::move(made.second));
    } else {
      auto made = make();
      co_return stream_pair(std::move(made.first), std::move(made.second));
    }
  };
  co_await net::detail::check_stream(erased, options);
}

}  // namespace wring::testing
