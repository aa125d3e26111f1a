// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include <wring/core/callback/deferred.hpp>
#include <wring/core/cancel_scope.hpp>
#include <wring/core/detail/export.hpp>
#include <wring/core/sync/event.hpp>
#include <wring/core/task.hpp>
#include <wring/net/callback/datagram_protocol.hpp>
#include <wring/net/socket_address.hpp>
#include <wring/net/udp_options.hpp>
#include <wring/net/udp_socket.hpp>

namespace wring::net {

/// The socket of a datagram_protocol: Twisted's UDP port. It receives until stop_listening(), or until the program is
/// asked to stop, whether this is kept or not: the task that does so belongs to the scheduler's root nursery. One
/// thread.
class WRING_API datagram_transport : public std::enable_shared_from_this<datagram_transport> {
 public:
  /// Receives from `socket` for `p`, and has called its start_protocol(), whose exceptions it throws. Throws
  /// std::logic_error outside of a scheduler, and for a protocol that has had a transport before.
  [[nodiscard]] static std::shared_ptr<datagram_transport> start(udp_socket socket,
                                                                 std::shared_ptr<datagram_protocol> p);

  datagram_transport(const datagram_transport&) = delete;
  datagram_transport& operator=(const datagram_transport&) = delete;
  ~datagram_transport();

  /// Sends a datagram at once. False: it was dropped, since the kernel has no room for it or the peer's host has
  /// refused an earlier one. Throws io_error that names the address: too long, no route, errc::closed after
  /// stop_listening().
  bool write(std::span<const std::byte> data, const socket_address& to);
  bool write(std::string_view text, const socket_address& to) { return write(std::as_bytes(std::span(text)), to); }
  /// The same to the peer that the socket is connected to.
  bool write(std::span<const std::byte> data);
  bool write(std::string_view text) { return write(std::as_bytes(std::span(text))); }
  /// How many datagrams write() has dropped.
  [[nodiscard]] std::uint64_t dropped() const noexcept { return dropped_; }

  /// The address that it receives on, with the port that was chosen.
  [[nodiscard]] socket_address get_host() const noexcept { return host_; }
  /// The peer that it is connected to; empty if it is not.
  [[nodiscard]] socket_address get_peer() const noexcept { return peer_; }
  /// For what has no function here: multicast groups, options. It is closed and destroyed when this stops, so no task
  /// may wait for it; receiving is the protocol's. Throws io_error with errc::closed after stop_listening().
  [[nodiscard]] udp_socket& socket();

  /// Closes the socket. The deferred fires when stop_protocol() has been called and the port is free.
  deferred<> stop_listening();

 private:
  datagram_transport(udp_socket socket, std::shared_ptr<datagram_protocol> p);
  static task<> run(std::shared_ptr<datagram_transport> self);
  static task<> wait_for_end(std::shared_ptr<datagram_transport> self);
  task<> receive();
  static task<> tell_of_refusal(std::shared_ptr<datagram_transport> self);
  template <class F>
  void call(F f) noexcept;
  void failed(const error& e) noexcept;
  void stopped() noexcept;
  template <class Send>
  bool written(Send send);

  std::optional<udp_socket> socket_;             // until it has stopped: this may outlive the scheduler
  std::shared_ptr<datagram_protocol> protocol_;  // the same
  socket_address host_;
  socket_address peer_;
  cancel_scope receiving_;
  event ended_;
  std::uint64_t dropped_ = 0;
};

/// Receives UDP datagrams for a protocol. The deferred fails with what `bind_udp(options)` or start_protocol() throws.
WRING_API deferred<std::shared_ptr<datagram_transport>> listen_udp(std::shared_ptr<datagram_protocol> p,
                                                                   udp_options options = {});

/// The same with a socket that is connected to `peer`: it receives from there alone, and is told of refusals.
WRING_API deferred<std::shared_ptr<datagram_transport>> connect_udp(std::shared_ptr<datagram_protocol> p,
                                                                    socket_address peer, udp_options options = {});

}  // namespace wring::net
