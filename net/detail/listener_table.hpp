// SPDX-License-Identifier: MIT
#pragma once

#include <typeinfo>
#include <utility>

#include <wring/core/error.hpp>
#include <wring/net/detail/converted_operation.hpp>
#include <wring/net/detail/erased_operation.hpp>
#include <wring/net/detail/refused_release.hpp>
#include <wring/net/detail/stream_table.hpp>
#include <wring/net/listener.hpp>
#include <wring/net/pending_connection.hpp>
#include <wring/net/socket_address.hpp>
#include <wring/net/stream.hpp>

namespace wring::net::detail {

/// Ends the listening with as little loss as the listener knows how to.
template <listener L>
auto stop_listening(L* l) {
  if constexpr (drainable_listener<L>) {
    return l->drain();
  } else {
    return l->close();
  }
}

/// What an any_pending_connection calls.
struct pending_table {
  erased_functions<any_stream> establish;
  task<released_connection> (*release)(void* pending);
  socket_address (*peer_address)(const void* pending) noexcept;
  const std::type_info* type;
};

template <class P>
inline constexpr pending_table pending_table_of = {
    .establish = erased_functions_of<any_stream, P>([](P* p, memory_argument) {
      return converted_operation<any_stream, decltype(p->establish())>([p] { return p->establish(); });
    }),
    .release = [](void* pending) { return release_if_possible(*static_cast<P*>(pending)); },
    .peer_address = [](const void* pending) noexcept -> socket_address {
      return static_cast<const P*>(pending)->peer_address();
    },
    .type = &typeid(P),
};

/// What an any_listener, whose connections are `Pending`, calls.
template <class Pending>
struct listener_table {
  erased_functions<Pending> accept;
  erased_functions<void> drain;
  erased_functions<void> close;
  socket_address (*local_address)(const void* listener) noexcept;
  const std::type_info* type;
};

template <class L, class Pending>
inline constexpr listener_table<Pending> listener_table_of = {
    .accept = erased_functions_of<Pending, L>([](L* l, memory_argument) {
      return converted_operation<Pending, decltype(l->accept())>([l] { return l->accept(); });
    }),
    .drain = erased_functions_of<void, L>([](L* l, memory_argument) { return stop_listening(l); }),
    .close = erased_functions_of<void, L>([](L* l, memory_argument) { return l->close(); }),
    .local_address = [](const void* listener) noexcept -> socket_address {
      return static_cast<const L*>(listener)->local_address();
    },
    .type = &typeid(L),
};

/// The connection of an any_pending_connection that has none.
struct no_pending_connection {
  static socket_address peer_address() noexcept { return {}; }
  static auto establish() noexcept { return ended_wait<any_stream>(error(errc::closed, "establish a connection")); }
};

/// The listener of an any_listener that has none.
template <class Pending>
struct no_listener {
  static auto accept() noexcept { return ended_wait<Pending>(error(errc::closed, "accept on a listener")); }
  static socket_address local_address() noexcept { return {}; }
  static auto close() noexcept { return ended_wait<void>({}); }
};

}  // namespace wring::net::detail
