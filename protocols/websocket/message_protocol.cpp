// SPDX-License-Identifier: MIT
#include <exception>
#include <stdexcept>

#include <wring/core/log.hpp>
#include <wring/net/callback/connection_error.hpp>
#include <wring/protocols/websocket/message_protocol.hpp>
#include <wring/protocols/websocket/prepared.hpp>

namespace wring::ws {

namespace {

/// While a protocol has its socket.
template <class Protocol>
class connected {
 public:
  connected(socket*& place, socket& s, Protocol& p) noexcept : place_(place), core_(s.core()) {
    place_ = &s;
    core_.pongs = &p;
  }
  connected(const connected&) = delete;
  connected& operator=(const connected&) = delete;
  ~connected() {
    place_ = nullptr;
    core_.pongs = nullptr;
  }

 private:
  socket*& place_;
  detail::socket_core& core_;
};

void report_lost(message_protocol& p, const failure& reason) noexcept {
  try {
    p.connection_lost(reason);
  } catch (const std::exception& e) {
    log::error("connection_lost has thrown", {"error", e.what()});
  } catch (...) {
    log::error("connection_lost has thrown");
  }
}

}  // namespace

message_protocol::~message_protocol() = default;

void message_protocol::send_text_message(std::string_view text) {
  if (socket_ != nullptr) socket_->post(prepared(text));
}

void message_protocol::send_bytes_message(std::span<const std::byte> bytes) {
  if (socket_ != nullptr) socket_->post(prepared(bytes));
}

void message_protocol::ping(std::string_view payload) {
  if (socket_ != nullptr) socket_->ping(payload);
}

void message_protocol::lose_connection(std::uint16_t code) {
  if (!close_code::may_be_sent(code)) throw std::invalid_argument("a WebSocket is closed with a code that may be sent");
  if (socket_ != nullptr) socket_->core().begin_close(code);
}

task<> run_protocol(socket& s, message_protocol& p) {
  failure reason(net::connection_done{});
  std::exception_ptr thrown;
  {
    const connected<detail::pong_observer> here(p.socket_, s, p);
    bool own = true;  // what fails is the protocol's
    try {
      p.negotiation_finished();
      for (;;) {
        own = false;
        const auto m = co_await s.receive();
        own = true;
        if (!m) break;
        if (m->is_text()) {
          p.text_message_received(m->text());
        } else {
          p.bytes_message_received(m->bytes);
        }
      }
    } catch (...) {
      reason = failure::current();
      if (own) thrown = std::current_exception();
    }
    if (thrown != nullptr) s.core().begin_close(close_code::internal_error);
  }
  report_lost(p, reason);
  if (thrown != nullptr) std::rethrow_exception(thrown);
}

}  // namespace wring::ws
