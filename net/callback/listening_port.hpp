// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <string>

#include <wring/core/callback/deferred.hpp>
#include <wring/core/detail/export.hpp>
#include <wring/net/any_listener.hpp>
#include <wring/net/callback/factory.hpp>
#include <wring/net/endpoints/server_endpoint.hpp>
#include <wring/net/socket_address.hpp>
#include <wring/net/tcp_listener.hpp>
#include <wring/net/unix_listener.hpp>

namespace wring::net {

/// Where a factory's connections are accepted: Twisted's Port. Listening goes on until stop_listening(), or until the
/// program is asked to stop, whether this is kept or not: it belongs to the scheduler's root nursery. Its connections
/// are those of `serve` and may last as long as the program: when main has ended they are aborted. One thread.
class WRING_API listening_port : public std::enable_shared_from_this<listening_port> {
 public:
  /// Serves connections of any listener with protocols of `f`. Throws std::logic_error outside of a scheduler.
  [[nodiscard]] static std::shared_ptr<listening_port> start(any_listener listener, std::shared_ptr<factory> f);

  listening_port(const listening_port&) = delete;
  listening_port& operator=(const listening_port&) = delete;
  ~listening_port();

  /// The address that it listens on, with the port that was chosen.
  [[nodiscard]] socket_address get_host() const noexcept { return host_; }
  /// Stops listening; open connections go on. The deferred fires when the address is free.
  deferred<> stop_listening();

 private:
  listening_port(any_listener listener, std::shared_ptr<factory> f);
  static task<> serve_connections(std::shared_ptr<listening_port> self);
  static task<> close(std::shared_ptr<listening_port> self);
  void stopped() noexcept;

  any_listener listener_;
  std::shared_ptr<factory> factory_;
  socket_address host_;
  bool stopped_ = false;
};

/// Listens for TCP connections, and runs a protocol of the factory for each. The deferred fails with what
/// `listen_tcp(options)` throws.
WRING_API deferred<std::shared_ptr<listening_port>> listen_tcp(std::shared_ptr<factory> f,
                                                               tcp_listen_options options = {});

/// The same at the path of a Unix socket.
WRING_API deferred<std::shared_ptr<listening_port>> listen_unix(std::shared_ptr<factory> f, std::string path,
                                                                unix_listen_options options = {});

/// The same at an endpoint.
WRING_API deferred<std::shared_ptr<listening_port>> listen_endpoint(std::shared_ptr<factory> f, server_endpoint at);

}  // namespace wring::net
