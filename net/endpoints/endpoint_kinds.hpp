// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <wring/core/detail/export.hpp>
#include <wring/net/endpoints/client_endpoint.hpp>
#include <wring/net/endpoints/endpoint_arguments.hpp>
#include <wring/net/endpoints/server_endpoint.hpp>
#include <wring/net/inherited_sockets.hpp>

namespace wring::net {

/// The kinds of endpoints that a program knows by name, and what makes endpoints of their texts:
///
///     wring::net::endpoint_kinds kinds;   // tcp, tcp6, unix, fd, stdio, proxy
///     wring::net::tls::add_to(kinds);     // of wring-tls
///     co_await wring::net::serve(kinds.server("tcp:8080:interface=127.0.0.1"), handle);
///     auto stream = co_await kinds.client("unix:/run/database.sock").connect();
///
/// Of servers: `tcp:PORT` with `interface=ADDRESS` (all by default) and `backlog=N`; `tcp6`, the same for IPv6 alone;
/// `unix:PATH` with `mode=660`, `backlog=N` and `lockfile=0`, which leaves a stale socket's file where it is; `fd:N`, a
/// descriptor that listens already; `stdio:`, standard input and output, which are its only connection: when that has
/// ended, accepting another one fails with errc::closed, and so `serve` ends; `proxy:ENDPOINT`, whose connections come
/// through a proxy (see `proxy_listener`), with `trusted=NETWORK,...` before the endpoint. Of clients: `tcp:HOST:PORT`
/// with `timeout=30` in seconds and `bindAddress=ADDRESS`; `unix:PATH` with `timeout=30`; `fd:N`, which is connected;
/// `stdio:`. A value. One thread.
class WRING_API endpoint_kinds {
 public:
  /// Takes the arguments that the kind knows, and makes an endpoint of them. It is not asked to call finish().
  using server_function = std::function<server_endpoint(endpoint_arguments& arguments, const endpoint_kinds& kinds)>;
  using client_function = std::function<client_endpoint(endpoint_arguments& arguments, const endpoint_kinds& kinds)>;

  /// Those of the library that need nothing else.
  endpoint_kinds();

  /// Adds a kind, or replaces it. The name is in lower case: in a text, either case will do. Throws
  /// std::invalid_argument for an empty name or function.
  void add_server(std::string name, server_function make);
  void add_client(std::string name, client_function make);
  /// Adds `systemd:domain=INET:index=N` (or INET6, or UNIX) and `systemd:name=NAME` for servers: sockets that a
  /// supervisor has passed on, such as what `inherited_sockets()` returns. Each can be listened on once.
  void add_systemd(std::vector<inherited_socket> sockets);

  /// Adds `process:PROGRAM[:ARGUMENT]...` for clients: a process that each connection starts, see `process_stream`. Its
  /// error stream is this process's. Who writes the configuration may then run programs.
  void add_processes();

  /// The endpoint that a text describes. Nothing is connected, opened or looked up. Throws endpoint_error.
  [[nodiscard]] server_endpoint server(std::string_view text) const;
  [[nodiscard]] client_endpoint client(std::string_view text) const;

 private:
  std::map<std::string, server_function, std::less<>> servers_;
  std::map<std::string, client_function, std::less<>> clients_;
};

}  // namespace wring::net
