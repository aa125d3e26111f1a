// SPDX-License-Identifier: MIT
#include <functional>
#include <stdexcept>
#include <string>
#include <utility>

#include <wring/core/nursery.hpp>
#include <wring/core/steady_clock.hpp>
#include <wring/core/until_stopping.hpp>
#include <wring/net/serve.hpp>
#include <wring/protocols/http/detail/h1_serving.hpp>
#include <wring/protocols/http/detail/target.hpp>
#include <wring/protocols/http/metrics.hpp>
#include <wring/protocols/http/server.hpp>

namespace wring::http {

namespace {

task<> note_stop(detail::server_state& state) {
  co_await until_stopping();
  state.stopped = steady_clock::now();
}

template <class Stream, class L>
task<net::serve_report> serve_on(L& listener, detail::server_state& state, net::serve_options options) {
  const auto serve_one = [&state](Stream s) { return detail::serve_h1(std::move(s), state); };
  net::serve_report report;
  nursery n;
  const auto body = [&]() -> task<> {
    n.start(note_stop, std::ref(state));
    report = co_await net::serve(listener, serve_one, options);
    n.cancel();
  };
  co_await n.run(std::ref(body));
  co_return report;
}

}  // namespace

server& server::on_error(handler page) {
  if (page.is_task()) throw std::invalid_argument("what makes error pages is a plain function, not a task");
  state_.on_error = std::move(page);
  return *this;
}

server& server::hosts(std::vector<std::string> names) {
  for (const std::string& name : names) {
    if (name.empty() || !detail::is_authority(name) || detail::without_port(name) != name) {
      throw std::invalid_argument("'" + name + "' is no host name or address without a port");
    }
  }
  state_.hosts = std::move(names);
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
      .lame_duck = state_.limits.lame_duck,
      .max_per_peer = state_.limits.max_per_peer,
      .counters = state_.counts != nullptr ? &state_.connections : nullptr,
  };
}

task<net::serve_report> server::run(net::any_listener& listener) {
  return serve_on<net::any_stream>(listener, state_, options());
}
task<net::serve_report> server::run(net::tcp_listener& listener) {
  return serve_on<net::tcp_stream>(listener, state_, options());
}
task<net::serve_report> server::run(net::unix_listener& listener) {
  return serve_on<net::unix_stream>(listener, state_, options());
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
