// SPDX-License-Identifier: MIT
#include <stdexcept>
#include <utility>

#include <wring/net/endpoints/client_endpoint.hpp>
#include <wring/net/endpoints/server_endpoint.hpp>

namespace wring::net {

struct server_endpoint::state {
  std::string text;
  listen_function listen;
};

server_endpoint::server_endpoint(std::string text, listen_function listen)
    : state_(std::make_shared<const state>(state{std::move(text), std::move(listen)})) {
  if (!state_->listen) throw std::invalid_argument("a server_endpoint needs a function that listens");
}

const std::string& server_endpoint::text() const noexcept { return state_->text; }

task<any_listener> server_endpoint::listen() const { return run(state_); }

// Keeps the function while it runs.
task<any_listener> server_endpoint::run(std::shared_ptr<const state> s) { co_return co_await s->listen(); }

struct client_endpoint::state {
  std::string text;
  connect_function connect;
};

client_endpoint::client_endpoint(std::string text, connect_function connect)
    : state_(std::make_shared<const state>(state{std::move(text), std::move(connect)})) {
  if (!state_->connect) throw std::invalid_argument("a client_endpoint needs a function that connects");
}

const std::string& client_endpoint::text() const noexcept { return state_->text; }

task<any_stream> client_endpoint::connect() const { return run(state_); }

task<any_stream> client_endpoint::run(std::shared_ptr<const state> s) { co_return co_await s->connect(); }

}  // namespace wring::net
