// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include <wring/core/buffer_lease.hpp>
#include <wring/core/detail/export.hpp>
#include <wring/core/error.hpp>
#include <wring/core/sync/event.hpp>
#include <wring/core/sync/mutex.hpp>
#include <wring/core/task.hpp>
#include <wring/net/callback/factory.hpp>
#include <wring/net/callback/protocol.hpp>
#include <wring/net/stream.hpp>

namespace wring::net {

/// A protocol whose connection is used as a stream, by a `transport_stream`. One thread.
class WRING_API stream_protocol : public protocol, public half_closeable {
 public:
  stream_protocol() noexcept = default;
  ~stream_protocol() override;

  void connection_made() override;
  void data_received(std::span<const std::byte> data) override;
  void connection_lost(const failure& reason) override;
  void read_connection_lost() override;
  void write_connection_lost() override {}

 private:
  friend class transport_stream;
  class writer final : public producer {
   public:
    explicit writer(stream_protocol& p) noexcept : protocol_(p) {}
    void resume_producing() override;
    void pause_producing() override { protocol_.held_back_ = true; }
    void stop_producing() override { resume_producing(); }

   private:
    stream_protocol& protocol_;
  };

  task<> wait_for_bytes();
  [[nodiscard]] buffer_lease take();
  void took(std::size_t count);
  task<> write(std::span<const std::span<const std::byte>> parts);
  task<> write_part(std::span<const std::byte> part, std::size_t& written);
  task<> shut_down();
  void end(bool at_once) noexcept;
  void check_writable() const;
  [[nodiscard]] error fault(errc code, const char* operation) const noexcept;

  writer writer_{*this};
  error_address peer_;
  std::deque<buffer_lease> received_;
  std::size_t held_ = 0;  // bytes in received_
  event arrived_;         // bytes, the end, a fault
  event writable_;
  mutex writing_;
  std::optional<error> fault_;
  std::size_t torn_ = 0;
  bool used_ = false;  // by a transport_stream
  bool reading_ = false;
  bool read_ended_ = false;
  bool held_back_ = false;  // the transport holds as much as it should
  bool shut_ = false;
  bool closed_ = false;  // by this side
  bool lost_ = false;
};

/// A stream over the transport of callback code, so that a class of a program can become a coroutine while what is
/// around it has not: a wrapping factory, for instance, or a transport of another library.
///
///     const auto p = std::make_shared<net::stream_protocol>();
///     co_await net::connect_protocol(p, endpoint);
///     net::transport_stream s(p);
///     co_await s.write_all("hello\r\n");
///
/// See `stream`. What the transport has taken, up to 128 KiB, counts as written; `close()` has the transport send it,
/// as `lose_connection` does, and does not wait for that. Movable. One thread.
class WRING_API transport_stream {
 public:
  /// A closed one.
  transport_stream() noexcept = default;
  /// Throws std::logic_error if the protocol is not connected, or there is another stream of it.
  explicit transport_stream(std::shared_ptr<stream_protocol> p);
  transport_stream(transport_stream&& other) noexcept = default;
  /// Swaps.
  transport_stream& operator=(transport_stream&& other) noexcept {
    protocol_.swap(other.protocol_);
    return *this;
  }
  ~transport_stream();

  [[nodiscard]] task<buffer_lease> read_some();
  [[nodiscard]] task<std::size_t> read(std::span<std::byte> into);
  [[nodiscard]] task<> write_all(std::span<const std::byte> bytes);
  [[nodiscard]] task<> write_all(std::span<const std::span<const std::byte>> parts);
  [[nodiscard]] task<> write_all(std::string_view text) { return write_all(std::as_bytes(std::span(text))); }
  [[nodiscard]] task<> shut_down_write();
  [[nodiscard]] task<> close();
  void abort() noexcept;
  [[nodiscard]] const stream_security* security() const noexcept;
  [[nodiscard]] error_address peer_address() const noexcept;

 private:
  [[nodiscard]] stream_protocol& open(const char* operation) const;

  std::shared_ptr<stream_protocol> protocol_;
};

/// A factory whose connections are handled by a coroutine, as those of `serve` are: `handler` is awaited with the
/// stream of each, which is closed when it returns. What it throws is logged, and aborts the connection. The handlers'
/// tasks belong to the scheduler's root nursery.
class WRING_API stream_factory : public factory {
 public:
  using handler_function = std::function<task<>(stream_ref peer)>;

  /// Throws std::invalid_argument for an empty function.
  explicit stream_factory(handler_function handler);
  ~stream_factory() override;

  [[nodiscard]] std::shared_ptr<protocol> build_protocol(const socket_address& peer) override;

 private:
  std::shared_ptr<const handler_function> handler_;
};

}  // namespace wring::net
