// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <cstdint>
#include <memory>
#include <string_view>
#include <type_traits>

#include <wring/net/detail/erased_operation.hpp>
#include <wring/net/detail/stream_table.hpp>
#include <wring/net/stream.hpp>

namespace wring::net {

/// The kind of connection. Later versions may add more: a connector refuses kinds that it does not know.
enum class connection_kind : std::uint8_t {
  tcp,        ///< plain TCP to `host` and `port`
  tls,        ///< TLS over TCP to `host` and `port`; the certificate must be that of `host`
  unix_path,  ///< the unix socket whose path in the file system is `host`
};

/// What to connect to. It does not own the host's text, which must stay until the connect operation has ended.
struct connect_target {
  connection_kind kind = connection_kind::tcp;
  std::string_view host = {};  ///< a name or an address without brackets and port; a path for `unix_path`
  std::uint16_t port = 0;      ///< ignored for `unix_path`
};
static_assert(std::is_trivially_destructible_v<connect_target>);

/// Makes connections for clients, which take one by reference and so need not know about names and TLS.
///
/// `connect(target)` returns a stream that is connected and, for TLS, has completed its handshake. *Delivering*. It is
/// awaited and has `.result()`, which returns as a value what would be thrown as an io_error; faults name the target. A
/// kind of connection that the connector does not make is such a fault too (EPROTONOSUPPORT), with what to use instead
/// as its detail. Any number of tasks may be connecting. It belongs to one thread.
template <class C>
concept connector = requires(C& c, const connect_target& target) {
  { c.connect(target) } -> detail::faultable_operation<any_stream>;
};

/// Refers to a connector of any type, which must outlive it and must not be moved. It is a connector itself; copies
/// refer to the same one.
class connector_ref {
 public:
  template <class C>
    requires(!std::same_as<C, connector_ref> && !std::same_as<C, const connector_ref> && connector<C>)
  connector_ref(C& c) noexcept
      : connector_(const_cast<void*>(static_cast<const void*>(std::addressof(c)))), connect_(&connect_of<C>) {}

  /// `target` must stay until this has ended, as a temporary in the same expression does.
  [[nodiscard]] auto connect(const connect_target& target) const noexcept {
    return detail::erased_operation<any_stream>(*connect_, connector_, {&target, 1});
  }

 private:
  template <class C>
  static constexpr detail::erased_functions<any_stream> connect_of =
      detail::erased_functions_of<any_stream, C>([](C* c, detail::memory_argument target) {
        return c->connect(*static_cast<const connect_target*>(target.data));
      });

  void* connector_;
  const detail::erased_functions<any_stream>* connect_;
};

}  // namespace wring::net
