// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <wring/core/detail/export.hpp>
#include <wring/core/detail/token_bucket.hpp>
#include <wring/core/duration.hpp>
#include <wring/core/sync/sharded_map.hpp>
#include <wring/protocols/http/handler.hpp>

namespace wring::http {

/// Requests that each client may send: `requests` per `period`, evenly, and `burst` at once.
struct rate_limit_options {
  std::uint64_t requests = 100;               ///< at least one
  duration period = std::chrono::seconds(1);  ///< positive, and not `forever`
  std::uint64_t burst = 20;                   ///< at least one
  /// Clients that are remembered. Those that have sent nothing for so long that they have all of `burst` again make
  /// room for new ones; if there are more, the new ones share what one client has.
  std::size_t clients = 100'000;
};
static_assert(std::is_trivially_destructible_v<rate_limit_options>);

/// How much each client has left, for all schedulers together. Make it before the runtime, and destroy it after that.
/// May be used by any thread.
class WRING_API rate_limits {
 public:
  /// Throws std::invalid_argument for options that allow nothing.
  explicit rate_limits(const rate_limit_options& options = {});
  rate_limits(const rate_limits&) = delete;
  rate_limits& operator=(const rate_limits&) = delete;
  ~rate_limits() = default;

  /// Counts a request of the client `key`, at a time of the steady clock in nanoseconds. Zero: it is allowed; otherwise
  /// how long until it would be, and it does not count. Allocates for a new key. Throws std::bad_alloc.
  [[nodiscard]] duration take(std::string_view key, std::int64_t now);

 private:
  struct client {
    std::optional<wring::detail::token_bucket> bucket;
  };

  [[nodiscard]] duration take_from(client& of, std::int64_t now) const noexcept;
  void forget_idle(std::int64_t now);

  rate_limit_options options_;
  sharded_map<std::string, client> clients_;
  std::mutex mutex_;  // of what follows
  client others_;     // those that there is no room for, together
  std::int64_t forgotten_ = 0;
};

/// Middleware that answers 429, with `Retry-After`, to clients that send more requests than `limits` allow. A client is
/// an IPv4 address, or an IPv6 network of 64 bits; those without an IP address are one client together. Or it is what a
/// function says, such as the name of an authenticated user.
///
///     http::rate_limits limits({.requests = 100, .burst = 20});   // before the runtime
///     api.use(http::rate_limit(limits));                          // on each scheduler
class WRING_API rate_limit {
 public:
  /// Valid during the call. An empty one is not limited.
  using key_function = std::function<std::string_view(const request& rq)>;

  /// The limits must outlive the router.
  explicit rate_limit(rate_limits& limits) noexcept : limits_(&limits) {}
  rate_limit(rate_limits& limits, key_function client) noexcept : limits_(&limits), client_(std::move(client)) {}

  verdict operator()(request& rq, response& rs) const;

 private:
  rate_limits* limits_;
  key_function client_;
};

}  // namespace wring::http
