// SPDX-License-Identifier: MIT
// The switch to another protocol, and tunnels.
#include <cerrno>
#include <stdexcept>
#include <utility>

#include <wring/core/log.hpp>
#include <wring/core/this_task.hpp>
#include <wring/protocols/http/detail/characters.hpp>
#include <wring/protocols/http/detail/h1_exchange.hpp>
#include <wring/protocols/http/detail/upgraded_stream.hpp>
#include <wring/protocols/http/status.hpp>

namespace wring::http::detail {

namespace {

/// A token, and maybe a version (RFC 9110, section 7.8).
bool is_protocol(std::string_view text) noexcept {
  const std::size_t slash = text.find('/');
  return is_token(text.substr(0, slash)) && (slash == std::string_view::npos || is_token(text.substr(slash + 1)));
}

}  // namespace

void h1_exchange::refuse_false_tunnel() noexcept {
  if (!is_false_tunnel()) return;
  log::error("a handler has answered a CONNECT with a success, and made no tunnel", {"target", in.target});
  fail(500, {});
}

void h1_exchange::append_offer() {
  output& o = connection_.out;
  o.append("Upgrade: ");
  o.append(out.offers);
  o.append("\r\nConnection: upgrade\r\n");
  if (out.offers == "websocket") o.append("Sec-WebSocket-Version: 13\r\n");  // RFC 6455, section 4.4
}

void h1_exchange::check_upgrade(std::string_view protocol) {
  if (out.head_sent || out.has_body) throw std::logic_error("the request has been answered, and cannot be upgraded");
  if (in.method == method::connect) {
    if (!protocol.empty()) throw std::logic_error("a CONNECT asks for no protocol: it becomes a tunnel");
    if (out.status >= 300) throw std::logic_error("a tunnel begins with a status of 200 to 299");
    return;
  }
  if (!is_protocol(protocol)) throw std::invalid_argument("what is upgraded to is no name of a protocol");
  if (!rq.asks_for(protocol)) rs.demand_upgrade(protocol);
}

task<> h1_exchange::switch_protocol(std::string_view protocol) {
  connection& c = connection_;
  c.end_half_close_grace();
  if (in.method != method::connect) out.status = 101;
  append_start(out.status);
  append_fields(out.first);
  if (in.method != method::connect) {
    c.out.append("Upgrade: ");
    c.out.append(protocol);
    c.out.append("\r\nConnection: upgrade\r\n");
  }
  c.out.append("\r\n");
  out.head_sent = true;
  out.ended = true;
  const bool sent = co_await c.flush();
  if (!sent) {
    co_await vanish();
    throw io_error(error::from_errno(ECONNRESET, "switch the protocol").with_address(in.peer));
  }
  answered_ = true;
  end_handler_deadline();
  if (c.server.is_observed()) record();
  switched_ = true;
  forget_request();
}

task<net::any_stream> h1_exchange::upgrade(std::string_view protocol) {
  check_upgrade(protocol);
  const bool read = co_await drop_body();
  if (!read) throw status_error(in_.failed ? 400 : 413, {}, "the body of a request to switch the protocol is too long");
  co_await connection_.stop_reading();
  net::any_stream stream(std::in_place_type<upgraded_stream>, connection_, in.peer);
  co_await switch_protocol(protocol);
  co_return std::move(stream);
}

void h1_exchange::forget_request() noexcept {
  in.method_text = {};
  in.target = {};
  in.path = {};
  in.query = {};
  in.authority = {};
  in.asks_upgrade = false;
  in.headers = {};
  in.trailers = {};
  in.parameters = {};
  out.first = nullptr;
  out.trailers = nullptr;
  out.failure = {};
  if (slots != nullptr) return;  // they are in this memory, and may refer to the head
  memory.release();
  body_.forget_trailers();
  head_block_.reset();
  first_block_.reset();
}

}  // namespace wring::http::detail
