// SPDX-License-Identifier: MIT
#include <algorithm>
#include <exception>
#include <memory>
#include <optional>
#include <string>

#include <wring/core/log.hpp>
#include <wring/protocols/http/detail/upgraded_stream.hpp>
#include <wring/protocols/http/status.hpp>
#include <wring/protocols/websocket/accept.hpp>
#include <wring/protocols/websocket/detail/handshake.hpp>

namespace wring::ws {

namespace {

void check_origin(const http::request& rq, const options& o) {
  const auto from = rq.header("origin");
  if (!from || o.from == origin::any) return;
  if (std::ranges::find(o.origins, *from) != o.origins.end()) return;
  if (detail::is_same_host(*from, rq.scheme(), rq.authority())) return;
  throw http::status_error(403, {}, "a WebSocket is asked for by a page of another origin: " + std::string(*from));
}

task<socket> accept_on(http::request& rq, http::response& rs, nursery* posts, options o) {
  if (rq.method() != http::method::get || !rq.asks_for("websocket")) rs.demand_upgrade("websocket");
  if (rq.header("sec-websocket-version") != "13") rs.demand_upgrade("websocket");
  const std::string key(rq.header("sec-websocket-key").value_or(""));
  if (!detail::is_key(key)) throw http::status_error(400, "Sec-WebSocket-Key is not 16 bytes in base64");
  check_origin(rq, o);
  const std::string protocol(detail::choose_protocol(rq.headers(), o.protocols));
  rs.header("Sec-WebSocket-Accept", detail::accept_value(key));
  if (!protocol.empty()) rs.header("Sec-WebSocket-Protocol", protocol);
  const std::optional<detail::deflate_terms> deflate = detail::choose_deflate(rq.headers(), o.compress);
  if (deflate) rs.header("Sec-WebSocket-Extensions", detail::deflate_answer(*deflate));
  net::any_stream stream = co_await rs.upgrade("websocket");
  co_return socket(std::make_unique<detail::socket_core>(detail::side::server, std::move(stream), buffer_lease(), o,
                                                         protocol, deflate, posts));
}

/// What the peer, or its network, has done.
bool is_of_peer(const std::exception_ptr& failure) noexcept {
  try {
    std::rethrow_exception(failure);
  } catch (const io_error& e) {
    log::debug("a WebSocket has ended", {"reason", e.what()});
    return true;
  } catch (...) {
    return false;
  }
}

task<> converse(socket& s, const std::function<task<>(socket&)>& conversation) {
  std::exception_ptr failure;
  try {
    co_await conversation(s);
  } catch (...) {
    failure = std::current_exception();
  }
  std::uint16_t code = close_code::normal;
  if (failure != nullptr && !is_of_peer(failure)) code = close_code::internal_error;
  if (failure != nullptr && code == close_code::normal) failure = nullptr;
  co_await s.close(code);
  if (failure != nullptr) std::rethrow_exception(failure);
}

/// In a frame of its own, as most sockets do without, and are idle most of the time.
task<> converse_with_posts(socket& s, const std::function<task<>(socket&)>& conversation) {
  nursery posts;
  const auto body = [&]() -> task<> {
    s.core().post_by(posts);
    co_await converse(s, conversation);
    posts.cancel();
  };
  co_await posts.run(std::ref(body));
}

}  // namespace

task<socket> accept(http::request& rq, http::response& rs, options o) { return accept_on(rq, rs, nullptr, o); }

task<socket> accept(http::request& rq, http::response& rs, nursery& posts, options o) {
  return accept_on(rq, rs, &posts, o);
}

namespace detail {

task<> serve_socket(http::request& rq, http::response& rs, const options& o,
                    const std::function<task<>(socket&)>& conversation) {
  socket s = co_await accept_on(rq, rs, nullptr, o);
  if (s.core().needs_posting_task()) {
    co_await converse_with_posts(s, conversation);
  } else {
    co_await converse(s, conversation);
  }
}

}  // namespace detail

}  // namespace wring::ws
