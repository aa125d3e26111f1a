// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include <wring/core/buffer_lease.hpp>
#include <wring/core/callback/failure.hpp>
#include <wring/core/cancel_scope.hpp>
#include <wring/core/detail/export.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/sync/event.hpp>
#include <wring/core/task.hpp>
#include <wring/net/callback/detail/descriptor_outbox.hpp>
#include <wring/net/callback/protocol.hpp>
#include <wring/net/callback/run_protocol.hpp>
#include <wring/net/callback/transport.hpp>
#include <wring/net/outbox.hpp>
#include <wring/net/stream.hpp>
#include <wring/net/unix_stream.hpp>

namespace wring::net::detail {

/// Is told, after the protocol, of the beginning and the end of a connection. The end comes exactly once.
class connection_observer {
 public:
  /// Not if connection_made has failed. What this throws loses the connection.
  virtual void made() {}
  virtual void lost(const failure& reason) noexcept = 0;

 protected:
  ~connection_observer() = default;
};

/// A transport over a stream, and the task that reads for it. What is written is sent by an outbox. Whatever needs to
/// know that all of it has been sent (a producer, a close) has a second task, which exists only while that is so.
class stream_transport final : public transport, public std::enable_shared_from_this<stream_transport> {
 public:
  stream_transport(stream_ref s, std::shared_ptr<protocol> p, wring::nursery& n, const protocol_options& options,
                   connection_observer* observer) noexcept;
  stream_transport(const stream_transport&) = delete;
  stream_transport& operator=(const stream_transport&) = delete;
  ~stream_transport() override;

  using transport::write;
  void write(std::span<const std::byte> data) override;
  void send_descriptor(descriptor fd) override;
  void register_producer(producer& p, production how) override;
  void unregister_producer() override;
  void lose_connection() override;
  void abort_connection() override;
  void lose_write_connection() override;
  void pause_producing() override;
  void resume_producing() override;
  [[nodiscard]] socket_address get_peer() const override;
  [[nodiscard]] socket_address get_host() const override;
  [[nodiscard]] bool disconnecting() const noexcept override { return disconnecting_ && !reason_; }
  [[nodiscard]] bool disconnected() const noexcept override { return reason_.has_value(); }
  [[nodiscard]] std::size_t unsent() const noexcept override;
  void set_write_limit(std::size_t bytes) override { options_.transport.write_limit = bytes; }
  [[nodiscard]] wring::nursery& nursery() override;
  void upgrade(upgrade_function how) override;
  [[nodiscard]] bool upgrading() const noexcept override { return upgrading_ && !reason_; }
  [[nodiscard]] const stream_security* security() const noexcept override;

  /// The body of the nursery: reads until there is a reason to end, closes the stream, and tells the protocol.
  task<> run();
  /// A task of the nursery has failed.
  void failed(std::exception_ptr e) noexcept;
  /// What run() has not come to, if it was cancelled. The nursery has ended.
  task<> end();

 private:
  class reading;
  class ending;

  template <class F>
  void call(F f) noexcept;
  void callback_failed(const failure& thrown) noexcept;
  void finish(failure reason) noexcept;
  void finish(const error& fault);
  void wake() noexcept;
  void received(buffer_lease chunk);
  void take_descriptors();
  void peer_ended();
  void write_ended();
  void lose() noexcept;
  task<> change_stream();
  task<> make_upper();
  void pass_if_ready();
  task<> pass_descriptors();
  void sending_goes_on();
  task<> watch_sending();
  void watch_if_needed();

  [[nodiscard]] bool reads() const noexcept {
    return !paused_ && !disconnecting_ && !read_ended_ && !reason_ && !upgrading_;
  }

  stream_ref stream_;
  unix_stream* unix_;                   // the stream, if it can pass descriptors
  std::shared_ptr<protocol> protocol_;  // until the connection is lost
  half_closeable* half_;
  descriptor_receiver* receiver_;
  wring::nursery* nursery_;
  mutable protocol_options options_;  // the addresses are looked up when they are asked for
  connection_observer* observer_;
  any_stream upper_;              // made by an upgrade: stream_ refers to it then
  upgrade_function upgrade_;      // until it is done
  std::vector<std::byte> after_;  // what was written meanwhile
  std::optional<outbox> out_;
  descriptor_outbox passed_;
  std::optional<failure> reason_;
  producer* producer_ = nullptr;
  cancel_scope* reading_ = nullptr;  // while a read waits
  buffer_lease held_;                // arrived although reading had been paused
  event changed_;
  production production_ = production::push;
  bool producer_waits_ = false;  // to be resumed: it has been paused, or was pulled and has written
  bool paused_ = false;
  bool disconnecting_ = false;
  bool made_ = false;           // the protocol was told of the connection
  bool write_closing_ = false;  // lose_write_connection() was called
  bool write_shut_ = false;     // it has taken effect: nothing more is sent
  bool write_closed_ = false;   // and is done
  bool read_ended_ = false;
  bool watching_ = false;       // the second task runs
  bool passing_ = false;        // a task sends descriptors
  bool upgrading_ = false;      // upgrade() was called
  bool upgrade_begun_ = false;  // and its function runs
};

template <class F>
void stream_transport::call(F f) noexcept {
  try {
    f();
  } catch (...) {
    callback_failed(failure::current());
  }
}

/// The peer's address, if the stream has one.
[[nodiscard]] WRING_API socket_address peer_address_of(stream_ref s);

/// run_protocol, with an observer that is told after the protocol. It may be null.
WRING_API task<> run_connection(stream_ref s, std::shared_ptr<protocol> p, protocol_options options,
                                connection_observer* observer);

}  // namespace wring::net::detail
