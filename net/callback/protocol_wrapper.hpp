// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include <wring/core/callback/failure.hpp>
#include <wring/core/detail/export.hpp>
#include <wring/net/callback/protocol.hpp>
#include <wring/net/callback/transport.hpp>

namespace wring::net {

/// A protocol that passes everything on to another one: Twisted's ProtocolWrapper. Derive, override what is to be
/// different, and call the function of this class from there; give out a transport of your own with `wrap_transport`,
/// for what goes the other way. One thread.
class WRING_API protocol_wrapper : public protocol, public half_closeable {
 public:
  /// Throws std::invalid_argument for null.
  explicit protocol_wrapper(std::shared_ptr<protocol> wrapped);
  ~protocol_wrapper() override;

  void connection_made() override;
  void data_received(std::span<const std::byte> data) override { wrapped_->data_received(data); }
  void connection_lost(const failure& reason) override;
  void handshake_completed() override { wrapped_->handshake_completed(); }
  void read_connection_lost() override;
  void write_connection_lost() override;
  [[nodiscard]] half_closeable* half_closing() noexcept override;
  [[nodiscard]] descriptor_receiver* receiving_descriptors() noexcept override {
    return wrapped_->receiving_descriptors();
  }

  [[nodiscard]] protocol& wrapped() const noexcept { return *wrapped_; }

 protected:
  /// The transport that the wrapped protocol gets: `t` itself, unless this is overridden.
  [[nodiscard]] virtual std::shared_ptr<net::transport> wrap_transport(std::shared_ptr<net::transport> t);

 private:
  std::shared_ptr<protocol> wrapped_;
  bool made_ = false;  // it was told of this connection
};

}  // namespace wring::net
