// SPDX-License-Identifier: MIT
#pragma once

#include <wring/core/detail/export.hpp>
#include <wring/net/endpoints/endpoint_kinds.hpp>

namespace wring::net::tls {

/// Adds the endpoints of TLS. Of servers: `tls:PORT:privateKey=FILE:certKey=FILE`, with `interface` and `backlog` as
/// for `tcp`; `ssl` is the same. The files are PEM; without `certKey`, the chain is in the file of the key, and without
/// that in `server.pem`. Of clients: `tls:HOST:PORT`, with `timeout` and `bindAddress` as for `tcp`; `trustRoots=FILE`
/// in place of the system's roots; `certificate=FILE` and `privateKey=FILE` (the same one, if there is only the first)
/// prove this client's identity.
///
/// Files are read on another thread when an endpoint listens, and when a client's connects for the first time: what is
/// wrong with them is thrown then, see `certificate` and `trusted_roots`.
WRING_API void add_to(endpoint_kinds& kinds);

}  // namespace wring::net::tls
