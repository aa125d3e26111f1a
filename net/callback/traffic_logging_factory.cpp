// SPDX-License-Identifier: MIT
#include <utility>

#include <wring/core/log.hpp>
#include <wring/net/callback/protocol_wrapper.hpp>
#include <wring/net/callback/traffic_logging_factory.hpp>
#include <wring/net/callback/transport_wrapper.hpp>

namespace wring::net {

namespace {

using log_function = traffic_logging_factory::log_function;

void log_size(const traffic& t) {
  log::debug("traffic of a connection", {"connection", t.connection}, {"peer", t.peer},
             {"direction", t.direction == traffic_direction::received ? "received" : "sent"},
             {"bytes", t.bytes.size()});
}

/// Whose traffic it is.
struct origin {
  std::shared_ptr<const log_function> log;
  std::uint64_t connection;
  socket_address peer;

  void tell(traffic_direction direction, std::span<const std::byte> bytes) const {
    (*log)({.connection = connection, .peer = peer, .direction = direction, .bytes = bytes});
  }
};

class told_transport final : public transport_wrapper {
 public:
  told_transport(std::shared_ptr<transport> t, origin from)
      : transport_wrapper(std::move(t)), origin_(std::move(from)) {}
  using transport::write;
  void write(std::span<const std::byte> data) override {
    if (!disconnected()) origin_.tell(traffic_direction::sent, data);
    wrapped().write(data);
  }

 private:
  origin origin_;
};

class told_protocol final : public protocol_wrapper {
 public:
  told_protocol(std::shared_ptr<protocol> p, origin from) : protocol_wrapper(std::move(p)), origin_(std::move(from)) {}
  void data_received(std::span<const std::byte> data) override {
    origin_.tell(traffic_direction::received, data);
    protocol_wrapper::data_received(data);
  }

 private:
  std::shared_ptr<net::transport> wrap_transport(std::shared_ptr<net::transport> t) override {
    return std::make_shared<told_transport>(std::move(t), origin_);
  }

  origin origin_;
};

}  // namespace

traffic_logging_factory::traffic_logging_factory(std::shared_ptr<factory> wrapped, log_function log)
    : wrapping_factory(std::move(wrapped)),
      log_(std::make_shared<const log_function>(log ? std::move(log) : log_function(log_size))) {}
traffic_logging_factory::~traffic_logging_factory() = default;

std::shared_ptr<protocol> traffic_logging_factory::wrap(std::shared_ptr<protocol> p, const socket_address& peer) {
  return std::make_shared<told_protocol>(std::move(p), origin{log_, ++connections_, peer});
}

}  // namespace wring::net
