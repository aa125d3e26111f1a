// SPDX-License-Identifier: MIT
#include <stdexcept>
#include <utility>

#include <wring/net/tls/start_tls.hpp>

namespace wring::net::tls {

// The transport keeps the functions while they run.
void start_tls(transport& t, client_context context, std::string host, connect_options options) {
  t.upgrade([context = std::move(context), host = std::move(host), options](stream_ref lower) -> task<any_stream> {
    tls_stream made = co_await connect(context, lower, host, options);
    co_return any_stream(std::move(made));
  });
}

void start_tls(transport& t, server_context context, accept_options options) {
  if (!options.initial.empty()) {
    throw std::invalid_argument("start_tls takes no initial bytes: what was received before TLS is not secured");
  }
  t.upgrade([context = std::move(context), options](stream_ref lower) -> task<any_stream> {
    tls_stream made = co_await accept(context, lower, options);
    co_return any_stream(std::move(made));
  });
}

}  // namespace wring::net::tls
