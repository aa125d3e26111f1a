// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

#include <wring/core/detail/export.hpp>
#include <wring/core/task.hpp>
#include <wring/net/socket_address.hpp>

namespace wring::net {

/// Which addresses are wanted.
enum class ip_family : std::uint8_t {
  any,
  v4,
  v6,
};

/// What a resolver is asked for. It does not own the texts, which must stay until the lookup has ended.
struct name_query {
  std::string_view host;          ///< a name, or an address without brackets
  std::string_view service = {};  ///< the port, as its number or the name of a service; empty: 0
  ip_family family = ip_family::any;
};
static_assert(std::is_trivially_destructible_v<name_query>);

/// Takes the addresses of a name as they become known.
class WRING_API address_sink {
 public:
  /// More of them, in the order in which they are to be tried. Called in the task that looks up; must not throw
  /// anything but std::bad_alloc.
  virtual void add(std::span<const socket_address> addresses) = 0;

 protected:
  ~address_sink() = default;
};

/// What looks up names. `system_resolver` asks the system; one of your own may have another source, or stand for it in
/// tests (`testing::name_table`).
///
/// It belongs to one thread; any number of tasks may be looking up. It must outlive them.
class WRING_API resolver {
 public:
  virtual ~resolver();

  /// The addresses of a host, at least one, each once, in the order in which they are to be tried. Returning.
  ///
  /// Throws io_error about the host: errc::name_not_found and name_refused are final, name_unavailable is temporary,
  /// bad_address says that the text cannot be a host or a service, limit_exceeded that too many lookups are under way.
  /// An address is not looked up but returned; of a text that is nearly one (`127.1`, `0x7f000001`, `10.0.0.256`)
  /// bad_address is thrown.
  [[nodiscard]] virtual task<std::vector<socket_address>> resolve(name_query query) = 0;

  /// The same, for those who can begin with a part of them: `parts` is given addresses as they become known, each once,
  /// until this ends. If some were given it does not fail for lack of others. Unless overridden, gives it all of
  /// `resolve`'s.
  [[nodiscard]] virtual task<> resolve_in_parts(name_query query, address_sink& parts);

 protected:
  resolver() noexcept = default;
  resolver(const resolver&) noexcept = default;
  resolver& operator=(const resolver&) noexcept = default;
};

/// Lets the current scheduler's tasks look up names with `chosen` wherever none is given: it must outlive them, or be
/// taken back with null, which stands for the system. Throws std::logic_error outside of a scheduler.
WRING_API void use_resolver(resolver* chosen);

}  // namespace wring::net
