// SPDX-License-Identifier: MIT
#include <stdexcept>
#include <utility>

#include <wring/core/callback/deferred_source.hpp>
#include <wring/core/finally.hpp>
#include <wring/core/log.hpp>
#include <wring/core/scheduler.hpp>
#include <wring/core/timeout.hpp>
#include <wring/net/callback/client_connector.hpp>
#include <wring/net/callback/detail/stream_transport.hpp>
#include <wring/net/names/connect_tcp.hpp>
#include <wring/net/unix_stream.hpp>

namespace wring::net {

connecting_stopped::connecting_stopped() : std::runtime_error("connecting was given up") {}
connecting_stopped::~connecting_stopped() = default;

void client_factory::client_connection_failed(client_connector& c, const failure& reason) {
  static_cast<void>(c);
  static_cast<void>(reason);
}

void client_factory::client_connection_lost(client_connector& c, const failure& reason) {
  static_cast<void>(c);
  static_cast<void>(reason);
}

/// How an attempt, and the connection that it made, has ended.
struct client_connector::outcome final : detail::connection_observer {
  void lost(const failure& why) noexcept override {
    was_connected = true;
    reason = why;
  }

  std::optional<failure> reason;  // none: it was given up
  bool was_connected = false;
};

client_connector::client_connector(dial_function dial, std::shared_ptr<client_factory> f, duration timeout)
    : dial_(std::move(dial)), factory_(std::move(f)), timeout_(timeout) {}

client_connector::~client_connector() = default;

void client_connector::connect() {
  if (state_ != state::disconnected) throw std::logic_error("client_connector::connect: it is not disconnected");
  scheduler& home = scheduler::current();
  if (!factory_started_) factory_->do_start();
  factory_started_ = true;
  state_ = state::connecting;
  dialling_.emplace();
  try {
    factory_->started_connecting(*this);
    home.root().start(run, shared_from_this());
  } catch (...) {
    disconnected();
    throw;
  }
}

void client_connector::stop_connecting() {
  if (state_ != state::connecting) throw std::logic_error("client_connector::stop_connecting: it is not connecting");
  dialling_->cancel();
}

void client_connector::disconnect() {
  if (state_ == state::connecting) return stop_connecting();
  if (protocol_ != nullptr) protocol_->transport().lose_connection();
}

task<> client_connector::run(std::shared_ptr<client_connector> self) {
  outcome out;
  auto body = [&] { return self->attempt(out); };
  auto report = [&]() -> task<> {
    self->ended(out);
    co_return;
  };
  co_await finally(body, report);
}

task<any_stream> client_connector::dial() {
  auto dialled = [this] { return dial_(); };
  co_return co_await with_timeout(timeout_, dialled);
}

task<> client_connector::attempt(outcome& out) {
  try {
    auto dialled = [this] { return dial(); };
    std::optional<any_stream> stream = co_await dialling_->run(dialled);
    if (!stream) co_return;
    const stream_ref connected(*stream);
    const protocol_options options{
        .transport = factory_->transport, .peer = detail::peer_address_of(connected), .host = socket_address()};
    protocol_ = factory_->build_protocol(options.peer);
    if (dialling_->cancelled()) co_return;  // build_protocol has given it up
    if (protocol_ == nullptr) throw std::logic_error("the factory made no protocol for a connection");
    state_ = state::connected;
    std::shared_ptr<protocol> run = protocol_;
    co_await detail::run_connection(connected, std::move(run), options, &out);
  } catch (...) {
    out.reason = failure::current();
  }
}

void client_connector::disconnected() noexcept {
  protocol_ = nullptr;
  dialling_.reset();
  state_ = state::disconnected;
  if (std::exchange(factory_started_, false)) factory_->do_stop();
}

void client_connector::ended(const outcome& out) noexcept {
  protocol_ = nullptr;
  dialling_.reset();
  state_ = state::disconnected;
  const failure reason = out.reason ? *out.reason : failure(connecting_stopped());
  try {
    if (out.was_connected) {
      factory_->client_connection_lost(*this, reason);
    } else {
      factory_->client_connection_failed(*this, reason);
    }
  } catch (...) {
    log::error("a callback of a client's factory failed", {"error", failure::current().message()});
  }
  if (state_ == state::disconnected) disconnected();  // it does not connect again
}

namespace {

std::shared_ptr<client_connector> connect_with(client_connector::dial_function dial, std::shared_ptr<client_factory> f,
                                               client_options options) {
  auto made = std::make_shared<client_connector>(std::move(dial), std::move(f), options.timeout);
  made->connect();
  return made;
}

}  // namespace

std::shared_ptr<client_connector> connect_tcp(std::shared_ptr<client_factory> f, std::string host, std::uint16_t port,
                                              client_options options) {
  auto dial = [host = std::move(host), port]() -> task<any_stream> {
    tcp_stream made = co_await connect_tcp(std::string_view(host), port);
    co_return any_stream(std::move(made));
  };
  return connect_with(std::move(dial), std::move(f), options);
}

std::shared_ptr<client_connector> connect_unix(std::shared_ptr<client_factory> f, std::string path,
                                               client_options options) {
  auto dial = [path = std::move(path), descriptors = options.descriptors]() -> task<any_stream> {
    unix_stream made = co_await connect_unix(std::string_view(path), {.descriptors = descriptors});
    co_return any_stream(std::move(made));
  };
  return connect_with(std::move(dial), std::move(f), options);
}

std::shared_ptr<client_connector> connect_endpoint(std::shared_ptr<client_factory> f, client_endpoint to,
                                                   client_options options) {
  return connect_with([to = std::move(to)] { return to.connect(); }, std::move(f), options);
}

namespace {

/// A protocol that is being connected, and then its connection.
struct single_connection final : detail::connection_observer {
  explicit single_connection(std::shared_ptr<protocol> p) : wanted(std::move(p)) {}
  void made() override { source.callback(wanted); }
  void lost(const failure& why) noexcept override { failed(why); }
  void failed(const failure& why) {
    if (!source.called()) source.errback(why);
  }

  std::shared_ptr<protocol> wanted;
  cancel_scope dialling;
  deferred_source<std::shared_ptr<protocol>> source{[this] { dialling.cancel(); }};
};

task<> run_single(std::shared_ptr<single_connection> c, client_endpoint to) {
  try {
    auto dial = [&] { return to.connect(); };
    std::optional<any_stream> stream = co_await c->dialling.run(dial);
    if (!stream) co_return;
    const stream_ref connected(*stream);
    const protocol_options options{
        .transport = {}, .peer = detail::peer_address_of(connected), .host = socket_address()};
    std::shared_ptr<protocol> p = c->wanted;
    co_await detail::run_connection(connected, std::move(p), options, c.get());
  } catch (...) {
    c->failed(failure::current());
  }
}

}  // namespace

deferred<std::shared_ptr<protocol>> connect_protocol(std::shared_ptr<protocol> p, client_endpoint to) {
  if (p == nullptr) throw std::invalid_argument("connect_protocol needs a protocol");
  const auto made = std::make_shared<single_connection>(std::move(p));
  deferred<std::shared_ptr<protocol>> connected = made->source.get();
  scheduler::current().root().start(run_single, made, std::move(to));
  return connected;
}

}  // namespace wring::net
