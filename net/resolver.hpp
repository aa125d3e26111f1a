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

/// A question to a resolver. It does not own the texts, which must stay valid until the lookup has ended.
struct name_query {
  std::string_view host;          ///< a name, or an address without brackets
  std::string_view service = {};  ///< the port, as its number or the name of a service; empty: 0
  ip_family family = ip_family::any;
};
static_assert(std::is_trivially_destructible_v<name_query>);

/// Takes the addresses of a name as they become known.
class WRING_API address_sink {
 public:
  /// Adds addresses, in the order in which they are to be tried. Called in the task that looks up; may throw only
  /// std::bad_alloc.
  virtual void add(std::span<const socket_address> addresses) = 0;

 protected:
  ~address_sink() = default;
};

/// Looks up names. `system_resolver` asks the system; others may have another source, or replace it in tests
/// (`testing::name_table`).
///
/// It belongs to one thread; any number of tasks may be looking up. It must outlive them.
class WRING_API resolver {
 public:
  virtual ~resolver();

  /// Returns the addresses of a host, at least one, each once, in the order in which they are to be tried. Returning.
  ///
  /// Throws io_error about the host: errc::name_not_found and name_refused are final, name_unavailable is temporary,
  /// bad_address means that the text cannot be a host or a service, limit_exceeded that too many lookups are under way.
  /// An address is returned without a lookup; for text that resembles one (`127.1`, `0x7f000001`, `10.0.0.256`)
  /// bad_address is thrown.
  [[nodiscard]] virtual task<std::vector<socket_address>> resolve(name_query query) = 0;

  /// The same, for callers that can begin with some of them: addresses are added to `parts` as they become known, each
  /// once, until this ends. If some were added, it does not fail for lack of others. The default adds all of
  /// `resolve`'s.
  [[nodiscard]] virtual task<> resolve_in_parts(name_query query, address_sink& parts);

 protected:
  resolver() noexcept = default;
  resolver(const resolver&) noexcept = default;
  resolver& operator=(const resolver&) noexcept = default;
};

/// Makes `chosen` the default resolver of the current scheduler's tasks: it must outlive them, or be reset with null,
/// which stands for the system. Throws std::logic_error outside of a scheduler.
WRING_API void use_resolver(resolver* chosen);

}  // namespace wring::net
