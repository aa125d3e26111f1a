// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <cstddef>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>

#include <wring/core/detail/export.hpp>
#include <wring/core/task.hpp>
#include <wring/net/callback/protocol.hpp>
#include <wring/net/callback/transport.hpp>
#include <wring/net/socket_address.hpp>
#include <wring/net/stream.hpp>

namespace wring::net {

/// Makes the protocols of a server's connections, or a client's, and holds what they share: Twisted's Factory. Kept by
/// what uses it, a listening port for instance. One thread.
class WRING_API factory {
 public:
  factory() noexcept = default;
  factory(const factory&) = delete;
  factory& operator=(const factory&) = delete;
  virtual ~factory();

  /// Called when its first user begins, and when the last one has ended: a port that listens, a connector.
  virtual void start_factory() {}
  virtual void stop_factory() {}
  /// The protocol of a new connection. Null: the connection is closed at once. What it throws is logged, and closes the
  /// connection too.
  [[nodiscard]] virtual std::shared_ptr<protocol> build_protocol(const socket_address& peer) = 0;

  /// A factory that makes a `P(args...)` for each connection; the arguments are copied.
  template <std::derived_from<protocol> P, class... Args>
  [[nodiscard]] static std::shared_ptr<factory> for_protocol(Args... args);

  /// For what uses it: count the users.
  void do_start();
  void do_stop() noexcept;

  /// For the transports of its connections.
  transport_options transport = {};

 private:
  std::size_t users_ = 0;
};

/// Runs the protocols that a factory makes, as the handler of `serve`:
///
///     auto listener = co_await wring::net::listen_tcp({.port = 7000});
///     co_await wring::net::serve(listener, wring::net::protocol_handler(factory));
///
/// so that callback code has the limits, the graceful stop and the report of serve. The factory must outlive it.
class WRING_API protocol_handler {
 public:
  explicit protocol_handler(factory& f) noexcept : factory_(&f) {}
  [[nodiscard]] task<> operator()(stream_ref peer) const;

 private:
  factory* factory_;
};

template <std::derived_from<protocol> P, class... Args>
std::shared_ptr<factory> factory::for_protocol(Args... args) {
  class simple_factory final : public factory {
   public:
    explicit simple_factory(std::function<std::shared_ptr<protocol>()> make) : make_(std::move(make)) {}
    std::shared_ptr<protocol> build_protocol(const socket_address&) override { return make_(); }

   private:
    std::function<std::shared_ptr<protocol>()> make_;
  };
  return std::make_shared<simple_factory>([args...] { return std::make_shared<P>(args...); });
}

}  // namespace wring::net
