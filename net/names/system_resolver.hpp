// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <memory>
#include <type_traits>
#include <vector>

#include <wring/core/detail/export.hpp>
#include <wring/core/duration.hpp>
#include <wring/core/task.hpp>
#include <wring/net/names/detail/lookup.hpp>
#include <wring/net/resolver.hpp>

namespace wring::net {

/// Options of a system_resolver.
struct system_resolver_options {
  /// If the system has not answered a lookup of both families within this time, it is also asked for the IPv4 addresses
  /// alone, which `resolve_in_parts` adds as soon as they arrive: some name servers never answer for IPv6, and the
  /// system then waits for them (15 s is usual). `forever`: it is not asked.
  duration hedge_delay = std::chrono::milliseconds(300);
};
static_assert(std::is_trivially_destructible_v<system_resolver_options>);

/// Asks the system (getaddrinfo): its files, its name servers, and whatever else nsswitch.conf says. So it agrees with
/// every other program of the host, on the order of the addresses too (RFC 6724).
///
/// The system's function blocks, so it is called on threads of the pool "names" (`thread_pool::names`), which all
/// schedulers share: 16 lookups at a time, 256 wait, and further ones fail with errc::limit_exceeded. Equal concurrent
/// lookups are merged. A cancelled lookup ends at once, and its thread is abandoned; the process does not wait for it
/// when it ends. Nothing is cached. Only the first 64 addresses of a name are used.
///
/// In a simulated world it asks the world instead.
class WRING_API system_resolver final : public resolver {
 public:
  explicit system_resolver(const system_resolver_options& options = {}) noexcept
      : system_resolver(options, wring::detail::look_up_name) {}
  /// For tests: asks `ask` instead of the system, on the same threads.
  system_resolver(const system_resolver_options& options, detail::ask_system ask) noexcept
      : options_(options), ask_(ask) {}

  [[nodiscard]] task<std::vector<socket_address>> resolve(name_query query) override;
  [[nodiscard]] task<> resolve_in_parts(name_query query, address_sink& parts) override;

 private:
  class use;

  [[nodiscard]] std::shared_ptr<detail::lookup> find_or_begin(const name_query& query, bool numeric_host,
                                                              bool numeric_port);

  system_resolver_options options_;
  detail::ask_system ask_;
  std::vector<std::shared_ptr<detail::lookup>> under_way_;
};

}  // namespace wring::net
