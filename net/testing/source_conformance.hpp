// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <type_traits>
#include <utility>

#include <wring/core/awaitable.hpp>
#include <wring/core/detail/awaiting/operand.hpp>
#include <wring/core/detail/export.hpp>
#include <wring/core/duration.hpp>
#include <wring/core/task.hpp>
#include <wring/core/testing/check_failed.hpp>
#include <wring/net/byte_source.hpp>

namespace wring::testing {

struct source_check_options {
  /// How long one rule may take.
  duration patience = std::chrono::seconds(20);
};
static_assert(std::is_trivially_destructible_v<source_check_options>);

}  // namespace wring::testing

namespace wring::net::detail {

/// A source, and what owns it.
struct owned_source {
  std::shared_ptr<void> owner;
  byte_source_ref source;
};

WRING_API task<> check_source(const std::function<task<owned_source>(std::span<const std::byte>)>& make,
                              const testing::source_check_options& options);

}  // namespace wring::net::detail

namespace wring::testing {

/// Checks that a source keeps the contract of `net::byte_source`, rule by rule, each with fresh ones. `make(content)`
/// returns a source of exactly these bytes, up to 60,000, or a task of one; they stay unchanged until the check has
/// ended. The source is moved. Throws `check_failed`, which says which rule was broken and how. Await it inside a
/// scheduler whose clock runs.
template <class Make>
task<> check_source(Make make, source_check_options options = {}) {
  wring::detail::assert_safe_callable<Make>();
  using made_type = std::invoke_result_t<Make&, std::span<const std::byte>>;
  const std::function<task<net::detail::owned_source>(std::span<const std::byte>)> erased =
      [&](std::span<const std::byte> content) -> task<net::detail::owned_source> {
    if constexpr (awaitable<made_type>) {
      auto made = co_await make(content);
      const auto owner = std::make_shared<decltype(made)>(std::move(made));
      co_return net::detail::owned_source(owner, net::byte_source_ref(*owner));
    } else {
      const auto owner = std::make_shared<made_type>(make(content));
      co_return net::detail::owned_source(owner, net::byte_source_ref(*owner));
    }
  };
  co_await net::detail::check_source(erased, options);
}

}  // namespace wring::testing
