// SPDX-License-Identifier: MIT
#include <utility>

#include <wring/core/callback/start_deferred.hpp>
#include <wring/core/scheduler.hpp>
#include <wring/net/callback/listening_port.hpp>
#include <wring/net/serve.hpp>

namespace wring::net {

listening_port::listening_port(any_listener listener, std::shared_ptr<factory> f)
    : listener_(std::move(listener)), factory_(std::move(f)), host_(listener_.local_address()) {}

listening_port::~listening_port() = default;

std::shared_ptr<listening_port> listening_port::start(any_listener listener, std::shared_ptr<factory> f) {
  scheduler& home = scheduler::current();
  const std::shared_ptr<listening_port> port(new listening_port(std::move(listener), std::move(f)));
  port->factory_->do_start();
  try {
    home.root().start(serve_connections, port);
  } catch (...) {
    port->stopped();
    throw;
  }
  return port;
}

void listening_port::stopped() noexcept {
  if (!std::exchange(stopped_, true)) factory_->do_stop();
}

task<> listening_port::serve_connections(std::shared_ptr<listening_port> self) {
  struct ending {
    listening_port& port;
    ~ending() { port.stopped(); }
  };
  const ending at_the_end{*self};
  co_await serve(self->listener_, protocol_handler(*self->factory_), {.grace = forever});
}

task<> listening_port::close(std::shared_ptr<listening_port> self) {
  co_await self->listener_.close();
  self->stopped();
}

deferred<> listening_port::stop_listening() { return start_deferred(close, shared_from_this()); }

namespace {

task<std::shared_ptr<listening_port>> begin_tcp(std::shared_ptr<factory> f, tcp_listen_options options) {
  tcp_listener listener = co_await listen_tcp(options);
  co_return listening_port::start(any_listener(std::move(listener)), std::move(f));
}

task<std::shared_ptr<listening_port>> begin_unix(std::shared_ptr<factory> f, std::string path,
                                                 unix_listen_options options) {
  unix_listener listener = co_await listen_unix(path, options);
  co_return listening_port::start(any_listener(std::move(listener)), std::move(f));
}

task<std::shared_ptr<listening_port>> begin_endpoint(std::shared_ptr<factory> f, server_endpoint at) {
  any_listener listener = co_await at.listen();
  co_return listening_port::start(std::move(listener), std::move(f));
}

}  // namespace

deferred<std::shared_ptr<listening_port>> listen_tcp(std::shared_ptr<factory> f, tcp_listen_options options) {
  return start_deferred(begin_tcp, std::move(f), options);
}

deferred<std::shared_ptr<listening_port>> listen_unix(std::shared_ptr<factory> f, std::string path,
                                                      unix_listen_options options) {
  return start_deferred(begin_unix, std::move(f), std::move(path), options);
}

deferred<std::shared_ptr<listening_port>> listen_endpoint(std::shared_ptr<factory> f, server_endpoint at) {
  return start_deferred(begin_endpoint, std::move(f), std::move(at));
}

}  // namespace wring::net
