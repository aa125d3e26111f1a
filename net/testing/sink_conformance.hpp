// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>

#include <wring/core/awaitable.hpp>
#include <wring/core/detail/awaiting/operand.hpp>
#include <wring/core/detail/export.hpp>
#include <wring/core/duration.hpp>
#include <wring/core/task.hpp>
#include <wring/core/testing/check_failed.hpp>
#include <wring/net/byte_sink.hpp>
#include <wring/net/byte_source.hpp>

namespace wring::testing {

struct sink_check_options {
  /// How long one rule may take.
  duration patience = std::chrono::seconds(20);
};
static_assert(std::is_trivially_destructible_v<sink_check_options>);

}  // namespace wring::testing

namespace wring::net::detail {

/// A sink, a source of what is written to it, and what owns them.
struct owned_sink {
  std::shared_ptr<void> owner;
  byte_sink_ref sink;
  std::shared_ptr<void> far_owner;
  byte_source_ref far;
};

WRING_API task<> check_sink(const std::function<task<owned_sink>()>& make, const testing::sink_check_options& options);

}  // namespace wring::net::detail

namespace wring::testing {

/// Checks that a sink keeps the contract of `net::byte_sink`, rule by rule, each with fresh ones. `make()` returns a
/// pair of a sink and a source of what is written to it, or a task of such a pair: the two ends of a stream will do.
/// The source waits while there is nothing and the sink was not shut down. Both are moved. Throws `check_failed`, which
/// says which rule was broken and how. Await it inside a scheduler whose clock runs.
template <class Make>
task<> check_sink(Make make, sink_check_options options = {}) {
  wring::detail::assert_safe_callable<Make>();
  const auto own = [](auto made) {
    const auto sink = std::make_shared<decltype(made.first)>(std::move(made.first));
    const auto far = std::make_shared<decltype(made.second)>(std::move(made.second));
    return net::detail::owned_sink(sink, net::byte_sink_ref(*sink), far, net::byte_source_ref(*far));
  };
  const std::function<task<net::detail::owned_sink>()> erased = [&]() -> task<net::detail::owned_sink> {
    if constexpr (awaitable<std::invoke_result_t<Make&>>) {
      auto made = co_await make();
      co_return own(std::move(made));
    } else {
      co_return own(make());
    }
  };
  co_await net::detail::check_sink(erased, options);
}

}  // namespace wring::testing
