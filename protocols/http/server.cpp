// SPDX-License-Identifier: MIT
#include <stdexcept>
#include <utility>

#include <wring/net/serve.hpp>
#include <wring/protocols/http/detail/h1_serving.hpp>
#include <wring/protocols/http/metrics.hpp>
#include <wring/protocols/http/server.hpp>

namespace wring::http {

server& server::on_error(handler page) {
  if (page.is_task()) throw std::invalid_argument("what makes error pages is a plain function, not a task");
  state_.on_error = std::move(page);
  return *this;
}

server& server::log_to(access_log& log) noexcept {
  state_.log = &log;
  return *this;
}

server& server::trust(std::vector<net::ip_network> proxies, forwarding how) {
  state_.proxies.emplace(std::move(proxies), how);
  return *this;
}

server& server::count_in(metrics& m) {
  if (state_.counts != nullptr) throw std::logic_error("the server counts already");
  state_.counts = &m.add_server(state_.connections);
  return *this;
}

server::~server() {
  if (state_.counts != nullptr) state_.counts->leave();
}

net::serve_options server::options() noexcept {
  return {
      .max_connections = state_.limits.max_connections,
      .grace = state_.limits.grace,
      .max_per_peer = state_.limits.max_per_peer,
      .counters = state_.counts != nullptr ? &state_.connections : nullptr,
  };
}

task<net::serve_report> server::run(net::any_listener& listener) {
  const auto serve_one = [this](net::any_stream s) { return detail::serve_h1(std::move(s), state_); };
  const net::serve_report report = co_await net::serve(listener, serve_one, options());
  co_return report;
}

task<net::serve_report> server::run(net::tcp_listener& listener) {
  const auto serve_one = [this](net::tcp_stream s) { return detail::serve_h1(std::move(s), state_); };
  const net::serve_report report = co_await net::serve(listener, serve_one, options());
  co_return report;
}

task<net::serve_report> server::run(net::unix_listener& listener) {
  const auto serve_one = [this](net::unix_stream s) { return detail::serve_h1(std::move(s), state_); };
  const net::serve_report report = co_await net::serve(listener, serve_one, options());
  co_return report;
}

task<net::serve_report> serve_unix(net::socket_address where, router routes, server_limits limits,
                                   net::unix_listen_options how) {
  net::unix_listener listener = co_await net::listen_unix(where, how);
  server s(routes, limits);
  const net::serve_report report = co_await s.run(listener);
  co_return report;
}

task<net::serve_report> serve_unix(std::string_view path, router routes, server_limits limits,
                                   net::unix_listen_options how) {
  return serve_unix(net::socket_address::from_path(path), std::move(routes), limits, how);
}

task<net::serve_report> serve_tcp(net::tcp_listen_options where, router routes, server_limits limits) {
  net::tcp_listener listener = co_await net::listen_tcp(where);
  server s(routes, limits);
  const net::serve_report report = co_await s.run(listener);
  co_return report;
}

task<> serve_connection(net::stream_ref stream, const router& routes, server_limits limits) {
  detail::server_state state(routes, limits);
  co_await detail::serve_h1(stream, state);
}

}  // namespace wring::http
