// SPDX-License-Identifier: MIT
#include <cerrno>
#include <stdexcept>
#include <utility>

#include <wring/core/error.hpp>
#include <wring/core/scheduler.hpp>
#include <wring/core/timeout.hpp>
#include <wring/protocols/http/client/connect_tunnel.hpp>
#include <wring/protocols/http/client/detail/detached_stream.hpp>
#include <wring/protocols/http/detail/characters.hpp>
#include <wring/protocols/http/detail/head_store.hpp>
#include <wring/protocols/http/detail/input.hpp>
#include <wring/protocols/http/detail/response_parser.hpp>
#include <wring/protocols/http/detail/target.hpp>

namespace wring::http {

namespace {

constexpr const char* what = "make a tunnel through";

/// Reads the head of the answer; what follows it is left in `in`.
task<> read_answer(net::any_stream& proxy, detail::input& in, const client_limits& l) {
  using detail::response_parser;
  block_pool& pool = scheduler::current().blocks();
  buffer_lease block = pool.acquire(block_pool::sizes.front());
  detail::head_store store({block.data(), block.size()});
  response_parser parser({.method = method::connect},
                         {.head = l.max_head, .fields = l.max_fields, .interim = l.max_interim});
  for (;;) {
    if (in.empty()) {
      in.refill(co_await proxy.read_some());
      if (in.empty()) error(errc::unexpected_eof, what).with_address(proxy.peer_address()).raise();
    }
    const response_parser::step step = parser.feed(in.bytes(), store);
    in.drop(step.consumed);
    if (step.state == response_parser::status::no_room) {
      buffer_lease larger = pool.acquire(2 * block.size());
      store.move_to({larger.data(), larger.size()});
      block = std::move(larger);
    } else if (step.state == response_parser::status::refused) {
      error::from_errno(EPROTO, what).with_address(proxy.peer_address()).with_detail(parser.why().reason).raise();
    } else if (step.state == response_parser::status::done) {
      const int status = parser.facts().status;
      if (status < 300) co_return;
      error::from_errno(ECONNREFUSED, what)
          .with_address(proxy.peer_address())
          .with_count(static_cast<unsigned>(status))
          .with_detail(status == 407 ? "the proxy wants a name and a password, or others" : "the proxy has refused")
          .raise();
    }
  }
}

}  // namespace

task<net::any_stream> connect_tunnel(net::any_stream to_proxy, std::string authority, std::string authorization,
                                     client_limits limits) {
  detail::target_parts parts;
  if (detail::parse_target(method::connect, authority, parts)) {
    throw std::invalid_argument("the target of a tunnel is no host and port: \"" + authority + "\"");
  }
  std::string request = "CONNECT " + authority + " HTTP/1.1\r\nHost: " + authority + "\r\n";
  if (!authorization.empty()) {
    if (!detail::is_field_value(authorization)) throw std::invalid_argument("the proxy's credentials have a control");
    request.append("Proxy-Authorization: ").append(authorization).append("\r\n");
  }
  request += "\r\n";
  co_await with_timeout(limits.request_progress, to_proxy.write_all(request));
  detail::input ahead;
  co_await with_timeout(limits.head, read_answer(to_proxy, ahead, limits));
  if (ahead.empty()) co_return std::move(to_proxy);
  co_return net::any_stream(std::in_place_type<detail::detached_stream>, std::move(to_proxy), std::move(ahead));
}

}  // namespace wring::http
