// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <type_traits>

#include <wring/core/callback/deferred.hpp>
#include <wring/core/callback/failure.hpp>
#include <wring/core/cancel_scope.hpp>
#include <wring/core/detail/export.hpp>
#include <wring/core/duration.hpp>
#include <wring/core/task.hpp>
#include <wring/net/callback/factory.hpp>
#include <wring/net/callback/protocol.hpp>
#include <wring/net/endpoints/client_endpoint.hpp>

namespace wring::net {

/// How long a client_service waits after an attempt has failed, or a connection was lost: `initial_delay` multiplied by
/// `factor` for each failure in a row, the first included, up to `max_delay`; and up to `jitter` more, at random, so
/// that a server's clients do not come back together.
struct backoff_options {
  duration initial_delay = std::chrono::seconds(1);
  duration max_delay = std::chrono::minutes(1);
  double factor = 1.5;
  duration jitter = std::chrono::seconds(1);
};
static_assert(std::is_trivially_destructible_v<backoff_options>);

/// Keeps a client connected to an endpoint, from start() to stop(): Twisted's ClientService. Each connection has a new
/// protocol of the factory. Made by std::make_shared; what it does belongs to the scheduler's root nursery, and goes on
/// whether this is kept or not. One thread.
///
///     auto service = std::make_shared<wring::net::client_service>(kinds.client("tcp:example.org:80"), factory);
///     service->start();
///     auto p = co_await service->connected();
class WRING_API client_service : public std::enable_shared_from_this<client_service> {
 public:
  /// Called with the protocol of a new connection, after its connection_made: logs in, for instance. If the deferred
  /// fails, the attempt has failed, and the connection is lost.
  using prepare_function = std::function<deferred<>(protocol&)>;

  /// Throws std::invalid_argument without a factory, for a delay below zero, or a factor that is not a number of at
  /// least one.
  client_service(client_endpoint to, std::shared_ptr<factory> f, const backoff_options& backoff = {},
                 prepare_function prepare = {});
  client_service(const client_service&) = delete;
  client_service& operator=(const client_service&) = delete;
  ~client_service();

  /// Begins to connect. Does nothing if it is running; while it stops, it starts again afterwards. Throws
  /// std::logic_error outside of a scheduler.
  void start();
  /// Gives up connecting, or loses the connection with lose_connection. The deferred fires when there is none any more.
  /// Deferreds of connected() that have not fired fail with `cancelled_error`.
  deferred<> stop();

  /// Fires with the protocol of the connection, at once if there is one. Fails with the reason of the nth failure in a
  /// row from now, if it is told to; with `cancelled_error` when it is stopped, until it is started again, or the
  /// program ends. To wait in a task: `co_await service->connected()`; cancelling either gives up waiting alone.
  [[nodiscard]] deferred<std::shared_ptr<protocol>> connected(std::size_t fail_after_failures = unlimited);

  [[nodiscard]] bool running() const noexcept { return running_ && !stopping_; }
  /// Attempts that have failed since there was a connection.
  [[nodiscard]] std::size_t failures() const noexcept { return failures_; }

 private:
  class attempt;
  struct waiting;

  static task<> run(std::shared_ptr<client_service> self);
  task<> keep_connected();
  task<> connect_once();
  void prepared(const std::shared_ptr<protocol>& p);
  void failed(const failure& reason);
  void give_up_waiting();
  void ended() noexcept;
  [[nodiscard]] duration delay() const;

  client_endpoint to_;
  std::shared_ptr<factory> factory_;
  backoff_options backoff_;
  prepare_function prepare_;
  std::list<waiting> waiting_;
  std::list<deferred_source<>> stopped_;
  std::optional<cancel_scope> attempt_;  // while it runs
  std::shared_ptr<protocol> protocol_;   // while there is a connection
  std::shared_ptr<protocol> ready_;      // the same, when it has been prepared
  std::size_t failures_ = 0;
  bool running_ = false;
  bool stopping_ = false;
  bool start_again_ = false;
  bool ended_ = false;  // connected() would wait for ever
};

}  // namespace wring::net
