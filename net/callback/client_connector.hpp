// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>

#include <wring/core/callback/deferred.hpp>
#include <wring/core/callback/failure.hpp>
#include <wring/core/cancel_scope.hpp>
#include <wring/core/detail/export.hpp>
#include <wring/core/duration.hpp>
#include <wring/core/task.hpp>
#include <wring/net/callback/client_factory.hpp>
#include <wring/net/callback/protocol.hpp>
#include <wring/net/endpoints/client_endpoint.hpp>
#include <wring/net/stream.hpp>

namespace wring::net {

/// An attempt to connect was given up, by `client_connector::stop_connecting` or the end of the program.
class WRING_API connecting_stopped : public std::runtime_error {
 public:
  connecting_stopped();
  connecting_stopped(const connecting_stopped&) noexcept = default;
  connecting_stopped& operator=(const connecting_stopped&) noexcept = default;
  ~connecting_stopped() override;
};

/// Connects a client factory, once or, if that asks for it, again: Twisted's connector. What it does belongs to the
/// scheduler's root nursery, and goes on whether this is kept or not. One thread.
class WRING_API client_connector : public std::enable_shared_from_this<client_connector> {
 public:
  /// Makes a connection, or throws.
  using dial_function = std::function<task<any_stream>()>;

  /// Does not connect yet. `timeout`: for each attempt.
  client_connector(dial_function dial, std::shared_ptr<client_factory> f, duration timeout = std::chrono::seconds(30));
  client_connector(const client_connector&) = delete;
  client_connector& operator=(const client_connector&) = delete;
  virtual ~client_connector();

  /// Begins to connect. Throws std::logic_error unless it is disconnected, and outside of a scheduler.
  void connect();
  /// Gives up connecting. Throws std::logic_error if it is not connecting.
  void stop_connecting();
  /// Loses the connection, with lose_connection, or gives up connecting.
  void disconnect();

  [[nodiscard]] bool connecting() const noexcept { return state_ == state::connecting; }
  [[nodiscard]] bool connected() const noexcept { return state_ == state::connected; }

 private:
  enum class state : std::uint8_t { disconnected, connecting, connected };
  struct outcome;

  static task<> run(std::shared_ptr<client_connector> self);
  task<> attempt(outcome& out);
  task<any_stream> dial();
  void ended(const outcome& out) noexcept;
  void disconnected() noexcept;

  dial_function dial_;
  std::shared_ptr<client_factory> factory_;
  duration timeout_;
  std::optional<cancel_scope> dialling_;
  std::shared_ptr<protocol> protocol_;  // while it is connected
  state state_ = state::disconnected;
  bool factory_started_ = false;
};

/// How a factory is connected.
struct client_options {
  duration timeout = std::chrono::seconds(30);  ///< for one attempt, looking up the name included
  /// Of connect_unix(): how many descriptors may have come for a `descriptor_receiver` that has not been given them:
  /// see unix_connect_options.
  unsigned descriptors = 0;
};
static_assert(std::is_trivially_destructible_v<client_options>);

/// Connects to a host, by name or address, and runs a protocol of the factory. Returns at once: the factory is told how
/// it goes. Throws std::logic_error outside of a scheduler.
WRING_API std::shared_ptr<client_connector> connect_tcp(std::shared_ptr<client_factory> f, std::string host,
                                                        std::uint16_t port, client_options options = {});

/// The same with the path of a Unix socket.
WRING_API std::shared_ptr<client_connector> connect_unix(std::shared_ptr<client_factory> f, std::string path,
                                                         client_options options = {});

/// The same with an endpoint. Its own limit of time applies too.
WRING_API std::shared_ptr<client_connector> connect_endpoint(std::shared_ptr<client_factory> f, client_endpoint to,
                                                             client_options options = {});

/// Connects one protocol to an endpoint, without a factory. The deferred fires with it after its connection_made, or
/// fails with what the endpoint throws; cancelling that gives up connecting. The connection belongs to the scheduler's
/// root nursery. Throws std::logic_error outside of a scheduler, std::invalid_argument without a protocol.
[[nodiscard]] WRING_API deferred<std::shared_ptr<protocol>> connect_protocol(std::shared_ptr<protocol> p,
                                                                             client_endpoint to);

}  // namespace wring::net
