// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include <wring/core/detail/export.hpp>
#include <wring/core/duration.hpp>
#include <wring/core/error.hpp>
#include <wring/core/task.hpp>
#include <wring/net/ip_address.hpp>
#include <wring/net/resolver.hpp>

namespace wring::testing {

/// A resolver for tests: knows only the names that were added.
///
///     wring::testing::name_table names;
///     names.add("db.example", {"2001:db8::1", "192.0.2.1"});
///     names.fail("down.example", wring::errc::name_unavailable);
///     wring::net::use_resolver(&names);
///
/// Names are the same in upper and lower case, and with a dot at the end. Ports are given as numbers. One thread.
class WRING_API name_table final : public net::resolver {
 public:
  /// Adds addresses to a name, which become known `after` this time by the scheduler's clock: those added with
  /// different times are parts, see `resolve_in_parts`. Throws io_error for text that is not an address.
  void add(std::string_view name, std::initializer_list<std::string_view> addresses, duration after = {});

  /// Makes looking up the name fail `after` this time, if no address of it is known by then. `forever`: it is never
  /// answered.
  void fail(std::string_view name, errc code, duration after = {});

  /// How often a name has been looked up.
  [[nodiscard]] std::size_t lookups(std::string_view name) const noexcept;

  [[nodiscard]] task<std::vector<net::socket_address>> resolve(net::name_query query) override;
  [[nodiscard]] task<> resolve_in_parts(net::name_query query, net::address_sink& parts) override;

 private:
  struct part {
    duration after;
    std::vector<net::ip_address> addresses;
  };
  struct entry {
    std::string name;
    std::vector<part> parts = {};  // by time
    errc fault = errc::name_not_found;
    duration fails_after = {};
    std::size_t lookups = 0;
  };

  [[nodiscard]] const entry* find(std::string_view name) const noexcept;
  [[nodiscard]] entry& entry_of(std::string_view name);

  std::vector<entry> entries_;
};

}  // namespace wring::testing
