// SPDX-License-Identifier: MIT
#include <stdexcept>

#include <wring/protocols/websocket/detail/utf8.hpp>
#include <wring/protocols/websocket/socket.hpp>

namespace wring::ws {

namespace {

task<outgoing> begin_on(detail::socket_core& s, message_kind kind) {
  mutex::guard turn = co_await s.sending.lock();
  co_return outgoing(s, kind, std::move(turn));
}

}  // namespace

task<outgoing> socket::begin(message_kind kind) { return begin_on(*core_, kind); }

void socket::ping(std::string_view payload) {
  if (payload.size() > detail::most_control) throw std::invalid_argument("a ping has more than 125 bytes");
  core_->ping(payload);
}

task<> socket::close(std::uint16_t code, std::string_view reason) {
  if (!close_code::may_be_sent(code)) throw std::invalid_argument("a WebSocket is closed with a code that may be sent");
  if (reason.size() > most_close_reason) throw std::invalid_argument("a close's reason has more than 123 bytes");
  if (!detail::is_utf8(std::as_bytes(std::span(reason)))) {
    throw std::invalid_argument("a close's reason is not UTF-8");
  }
  return core_->close(code, reason);
}

task<> outgoing::write_all(std::span<const std::byte> bytes) {
  if (core_ == nullptr) throw std::logic_error("the message has been finished");
  return core_->send_fragment(std::exchange(next_, detail::opcode::continuation), bytes, false);
}

task<> outgoing::finish() {
  if (core_ == nullptr) throw std::logic_error("the message has been finished");
  co_await core_->send_fragment(next_, {}, true);
  turn_.unlock();
  std::exchange(core_, nullptr)->fragments_sent();
}

}  // namespace wring::ws
