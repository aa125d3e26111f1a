// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <functional>
#include <type_traits>
#include <utility>

#include <wring/core/awaitable.hpp>
#include <wring/core/detail/awaiting/operand.hpp>
#include <wring/core/detail/export.hpp>
#include <wring/core/duration.hpp>
#include <wring/core/task.hpp>
#include <wring/core/testing/check_failed.hpp>
#include <wring/net/any_listener.hpp>
#include <wring/net/listener.hpp>
#include <wring/net/socket_address.hpp>
#include <wring/net/stream.hpp>

namespace wring::testing {

/// What `check_listener` may expect.
struct listener_check_options {
  /// How long one rule may take.
  duration patience = std::chrono::seconds(20);
};

}  // namespace wring::testing

namespace wring::net::detail {

/// A listener for each rule, and what its clients do.
struct listener_check {
  std::function<task<any_listener>()> make;
  std::function<task<any_stream>(const socket_address& to)> connect;
  bool drains;
};

WRING_API task<> check_listener(const listener_check& check, const testing::listener_check_options& options);

/// What a maker returns, or the value of the task that it returns.
template <class Made>
struct made_listener {
  using type = Made;
};
template <awaitable Made>
struct made_listener<Made> {
  using type = wring::detail::value_of<Made>;
};

template <class Make>
task<any_listener> make_any_listener(Make& make) {
  if constexpr (awaitable<std::invoke_result_t<Make&>>) {
    auto made = co_await make();
    co_return any_listener(std::move(made));
  } else {
    co_return any_listener(make());
  }
}

}  // namespace wring::net::detail

namespace wring::testing {

/// Checks that a listener keeps the contracts of `net::listener` and `net::pending_connection`, rule by rule, each on a
/// fresh one from `make()`, which returns it or a task of it. It must be reachable by TCP or a Unix socket
/// on this host.
/// `connect(address)` is a task that connects to it, does the client's part of establishing, and returns the client's
/// stream. Throws `check_failed`, which says which rule was broken and how. Await it inside a scheduler whose clock
/// runs:
///
///     wring::testing::run([]() -> wring::task<> {
///       auto make = [] { return wring::net::listen_tcp({.address = wring::net::ip_address::loopback_v4}); };
///       auto connect = [](wring::net::socket_address to) { return wring::net::connect_tcp(to); };
///       co_await wring::testing::check_listener(make, connect);
///     });
template <class Make, class Connect>
task<> check_listener(Make make, Connect connect, listener_check_options options = {}) {
  wring::detail::assert_safe_callable<Make>();
  wring::detail::assert_safe_callable<Connect>();
  const net::detail::listener_check check{
      [&make] { return net::detail::make_any_listener(make); },
      [&connect](const net::socket_address& to) -> task<net::any_stream> {
        auto stream = co_await connect(to);
        co_return net::any_stream(std::move(stream));
      },
      net::drainable_listener<typename net::detail::made_listener<std::invoke_result_t<Make&>>::type>,
  };
  co_await net::detail::check_listener(check, options);
}

}  // namespace wring::testing
