// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <utility>

#include <wring/core/detail/export.hpp>
#include <wring/net/callback/transport.hpp>

namespace wring::net {

/// A transport that passes everything on to another one. Derive, and override what is to be different. One thread.
class WRING_API transport_wrapper : public transport {
 public:
  explicit transport_wrapper(std::shared_ptr<transport> wrapped) noexcept : wrapped_(std::move(wrapped)) {}
  ~transport_wrapper() override;

  using transport::write;
  using transport::write_sequence;
  void write(std::span<const std::byte> data) override { wrapped_->write(data); }
  void register_producer(producer& p, production how) override { wrapped_->register_producer(p, how); }
  void unregister_producer() override { wrapped_->unregister_producer(); }
  void send_descriptor(descriptor fd) override { wrapped_->send_descriptor(std::move(fd)); }
  void lose_connection() override { wrapped_->lose_connection(); }
  void abort_connection() override { wrapped_->abort_connection(); }
  void lose_write_connection() override { wrapped_->lose_write_connection(); }
  void pause_producing() override { wrapped_->pause_producing(); }
  void resume_producing() override { wrapped_->resume_producing(); }
  [[nodiscard]] socket_address get_peer() const override { return wrapped_->get_peer(); }
  [[nodiscard]] socket_address get_host() const override { return wrapped_->get_host(); }
  [[nodiscard]] bool disconnecting() const noexcept override { return wrapped_->disconnecting(); }
  [[nodiscard]] bool disconnected() const noexcept override { return wrapped_->disconnected(); }
  [[nodiscard]] std::size_t unsent() const noexcept override { return wrapped_->unsent(); }
  void set_write_limit(std::size_t bytes) override { wrapped_->set_write_limit(bytes); }
  void upgrade(upgrade_function how) override { wrapped_->upgrade(std::move(how)); }
  [[nodiscard]] bool upgrading() const noexcept override { return wrapped_->upgrading(); }
  [[nodiscard]] const stream_security* security() const noexcept override { return wrapped_->security(); }
  [[nodiscard]] wring::nursery& nursery() override { return wrapped_->nursery(); }

  [[nodiscard]] transport& wrapped() const noexcept { return *wrapped_; }

 private:
  std::shared_ptr<transport> wrapped_;
};

}  // namespace wring::net
