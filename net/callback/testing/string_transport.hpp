// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <wring/core/detail/export.hpp>
#include <wring/net/callback/protocol.hpp>
#include <wring/net/callback/transport.hpp>

namespace wring::net::testing {

/// A transport that keeps what is written, for tests of protocols without scheduler and streams:
///
///     auto p = std::make_shared<echo>();
///     auto t = std::make_shared<string_transport>();
///     p->make_connection(t);
///     p->data_received(...);
///     CHECK(t->value() == "...");
///
/// It loses nothing by itself: call the protocol's connection_lost.
class WRING_API string_transport final : public transport {
 public:
  explicit string_transport(socket_address peer = socket_address("192.0.2.1:54321"),
                            socket_address host = socket_address("192.0.2.2:80"))
      : peer_(peer), host_(host) {}
  ~string_transport() override;

  /// What has been written since the last take() or clear().
  [[nodiscard]] const std::string& value() const noexcept { return value_; }
  [[nodiscard]] std::string take() { return std::exchange(value_, {}); }
  void clear() noexcept { value_.clear(); }
  [[nodiscard]] bool aborting() const noexcept { return aborting_; }
  /// Whether lose_write_connection() was called.
  [[nodiscard]] bool write_closing() const noexcept { return write_closing_; }
  /// Whether the protocol has paused reading.
  [[nodiscard]] bool paused() const noexcept { return paused_; }
  [[nodiscard]] producer* registered() const noexcept { return producer_; }
  [[nodiscard]] production how() const noexcept { return how_; }

  using transport::write;
  void write(std::span<const std::byte> data) override;
  void register_producer(producer& p, production how) override;
  void unregister_producer() override { producer_ = nullptr; }
  void lose_connection() override { disconnecting_ = true; }
  void abort_connection() override;
  void lose_write_connection() override { write_closing_ = true; }
  void pause_producing() override { paused_ = true; }
  void resume_producing() override { paused_ = false; }
  [[nodiscard]] socket_address get_peer() const override { return peer_; }
  [[nodiscard]] socket_address get_host() const override { return host_; }
  [[nodiscard]] bool disconnecting() const noexcept override { return disconnecting_; }
  [[nodiscard]] bool disconnected() const noexcept override { return aborting_; }
  [[nodiscard]] std::size_t unsent() const noexcept override { return value_.size(); }
  void set_write_limit(std::size_t bytes) override { static_cast<void>(bytes); }
  /// Throws std::logic_error: there is no scheduler for tasks.
  [[nodiscard]] wring::nursery& nursery() override;

 private:
  socket_address peer_;
  socket_address host_;
  std::string value_;
  producer* producer_ = nullptr;
  production how_ = production::push;
  bool disconnecting_ = false;
  bool aborting_ = false;
  bool write_closing_ = false;
  bool paused_ = false;
};

/// Two protocols connected in memory, without scheduler and streams: what each writes is given to the other when the
/// test says so.
class WRING_API memory_pump {
 public:
  /// Connects `client` and then `server`. Both must not have been connected.
  memory_pump(std::shared_ptr<protocol> client, std::shared_ptr<protocol> server);

  /// Gives each what the other has written so far. A protocol that has lost or aborted its connection, and has nothing
  /// left to send, ends both: `connection_done`, or for an abort `connection_aborted` there and `connection_lost_error`
  /// at the peer. Returns whether anything happened.
  bool pump();
  /// Pumps until nothing happens. Throws std::runtime_error after 10,000 rounds.
  void flush();

  [[nodiscard]] string_transport& client() noexcept { return *ends_[0].transport; }
  [[nodiscard]] string_transport& server() noexcept { return *ends_[1].transport; }
  [[nodiscard]] bool ended() const noexcept { return ended_; }

 private:
  struct end {
    std::shared_ptr<protocol> owner;
    std::shared_ptr<string_transport> transport;
  };
  bool deliver(end& from, end& to);

  end ends_[2];
  bool ended_ = false;
};

}  // namespace wring::net::testing
