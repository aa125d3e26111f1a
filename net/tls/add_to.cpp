// SPDX-License-Identifier: MIT
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <wring/core/offload.hpp>
#include <wring/net/endpoints/detail/standard_kinds.hpp>
#include <wring/net/tls/add_to.hpp>
#include <wring/net/tls/certificate.hpp>
#include <wring/net/tls/connect_tls.hpp>
#include <wring/net/tls/tls_listener.hpp>
#include <wring/net/tls/trusted_roots.hpp>

namespace wring::net::tls {

namespace {

struct server_setup {
  tcp_listen_options options;
  std::string chain;
  std::string key;
};

task<any_listener> listen_as(std::shared_ptr<const server_setup> s) {
  auto load = [&] { return certificate::from_files(s->chain, s->key); };
  certificate own = co_await offload(load);
  server_context context{server_settings(std::move(own))};
  tls_listener<tcp_listener> made = co_await listen_tls(std::move(context), s->options);
  co_return any_listener(std::move(made));
}

server_endpoint tls_server(endpoint_arguments& arguments, const endpoint_kinds&) {
  const auto setup = std::make_shared<server_setup>();
  setup->options.port = arguments.require_port("port");
  setup->key = arguments.take("privateKey").value_or("server.pem");
  setup->chain = arguments.take("certKey").value_or(setup->key);
  net::detail::take_listen_place(arguments, setup->options);
  return {arguments.text(), [setup] { return listen_as(setup); }};
}

struct client_setup {
  std::string host;
  std::uint16_t port = 0;
  name_connect_options options;
  std::string roots;
  std::string chain;
  std::string key;
  std::optional<client_context> context;  // once the files have been read
};

client_context context_of(const client_setup& s) {
  client_settings settings;
  if (!s.roots.empty()) settings.trust(trusted_roots::from_file(s.roots));
  if (!s.chain.empty()) settings.present(certificate::from_files(s.chain, s.key));
  return client_context(settings);
}

task<any_stream> connect_as(std::shared_ptr<client_setup> s) {
  if (!s->context) {
    auto make = [&] { return context_of(*s); };
    client_context made = co_await offload(make);
    s->context = std::move(made);
  }
  std::string host = s->host;
  client_context context = *s->context;
  tls_stream made = co_await connect_tls(std::move(host), s->port, std::move(context), s->options);
  co_return any_stream(std::move(made));
}

client_endpoint tls_client(endpoint_arguments& arguments, const endpoint_kinds&) {
  const auto setup = std::make_shared<client_setup>();
  setup->host = arguments.require("host");
  setup->port = arguments.require_port("port");
  setup->options = net::detail::take_connect_options(arguments);
  setup->chain = arguments.take("certificate").value_or("");
  setup->key = arguments.take("privateKey").value_or(setup->chain);
  setup->roots = arguments.take("trustRoots").value_or("");
  if (setup->chain.empty() && !setup->key.empty()) arguments.refuse("privateKey", "has no certificate beside it");
  return {arguments.text(), [setup] { return connect_as(setup); }};
}

}  // namespace

void add_to(endpoint_kinds& kinds) {
  kinds.add_server("tls", tls_server);
  kinds.add_server("ssl", tls_server);
  kinds.add_client("tls", tls_client);
}

}  // namespace wring::net::tls
