// SPDX-License-Identifier: MIT
#include <stdexcept>
#include <utility>

#include <wring/net/serve.hpp>
#include <wring/protocols/http/detail/connection.hpp>
#include <wring/protocols/http/detail/h1_serving.hpp>
#include <wring/protocols/http/server.hpp>

namespace wring::http {

namespace {

template <class Stream>
task<> serve_stream(Stream stream, detail::server_state& state) {
  detail::connection c(stream, state);
  co_await detail::serve_h1(c);
}

}  // namespace

server& server::on_error(handler page) {
  if (page.is_task()) throw std::invalid_argument("what makes error pages is a plain function, not a task");
  state_.on_error = std::move(page);
  return *this;
}

server& server::log_to(access_log& log) noexcept {
  state_.log = &log;
  return *this;
}

net::serve_options server::options() const noexcept {
  return {
      .max_connections = state_.limits.max_connections,
      .grace = state_.limits.grace,
      .max_per_peer = state_.limits.max_per_peer,
  };
}

task<net::serve_report> server::run(net::any_listener& listener) {
  const auto serve_one = [this](net::any_stream s) { return serve_stream(std::move(s), state_); };
  const net::serve_report report = co_await net::serve(listener, serve_one, options());
  co_return report;
}

task<net::serve_report> server::run(net::tcp_listener& listener) {
  const auto serve_one = [this](net::tcp_stream s) { return serve_stream(std::move(s), state_); };
  const net::serve_report report = co_await net::serve(listener, serve_one, options());
  co_return report;
}

task<net::serve_report> serve_tcp(net::tcp_listen_options where, router routes, server_limits limits) {
  net::tcp_listener listener = co_await net::listen_tcp(where);
  server s(routes, limits);
  const net::serve_report report = co_await s.run(listener);
  co_return report;
}

task<> serve_connection(net::stream_ref stream, const router& routes, server_limits limits) {
  detail::server_state state(routes, limits);
  detail::connection c(stream, state);
  co_await detail::serve_h1(c);
}

}  // namespace wring::http
