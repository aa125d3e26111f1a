// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <span>
#include <stdexcept>
#include <utility>

#include <wring/core/callback/deferred_error.hpp>
#include <wring/core/log.hpp>
#include <wring/core/scheduler.hpp>
#include <wring/core/sleep.hpp>
#include <wring/net/callback/client_service.hpp>
#include <wring/net/callback/detail/stream_transport.hpp>

namespace wring::net {

struct client_service::waiting {
  deferred_source<std::shared_ptr<protocol>> source;
  std::size_t failures_left;
};

/// One attempt to connect, and the connection that it makes.
class client_service::attempt final : public detail::connection_observer {
 public:
  explicit attempt(client_service& s) noexcept : service_(s) {}
  attempt(const attempt&) = delete;
  attempt& operator=(const attempt&) = delete;

  task<> run() {
    try {
      any_stream stream = co_await service_.to_.connect();
      const stream_ref connected(stream);
      const protocol_options options{.transport = service_.factory_->transport,
                                     .peer = detail::peer_address_of(connected),
                                     .host = socket_address()};
      protocol_ = service_.factory_->build_protocol(options.peer);
      if (protocol_ == nullptr) throw std::logic_error("the factory made no protocol for a connection");
      service_.protocol_ = protocol_;
      std::shared_ptr<protocol> p = protocol_;
      co_await detail::run_connection(connected, std::move(p), options, this);
    } catch (...) {
      service_.failed(failure::current());
    }
  }

 private:
  void made() override {
    if (!service_.prepare_) return service_.prepared(protocol_);
    preparing_ = service_.prepare_(*protocol_);
    // It may fire when this is long gone.
    preparing_->add_callbacks(
        [this, there = there_] {
          if (*there) service_.prepared(protocol_);
        },
        [this, there = there_](const failure& why) {
          if (!*there) return;
          refused_ = why;
          protocol_->transport().lose_connection();
        });
  }

  void lost(const failure& reason) noexcept override {
    *there_ = false;
    const bool was_ready = service_.ready_ != nullptr;
    service_.protocol_ = service_.ready_ = nullptr;
    if (preparing_) preparing_->cancel();
    if (!was_ready) service_.failed(refused_ ? *refused_ : reason);
  }

  client_service& service_;
  std::shared_ptr<protocol> protocol_;
  std::optional<deferred<>> preparing_;
  std::optional<failure> refused_;
  std::shared_ptr<bool> there_ = std::make_shared<bool>(true);  // whether there is a connection
};

client_service::client_service(client_endpoint to, std::shared_ptr<factory> f, const backoff_options& backoff,
                               prepare_function prepare)
    : to_(std::move(to)), factory_(std::move(f)), backoff_(backoff), prepare_(std::move(prepare)) {
  if (factory_ == nullptr) throw std::invalid_argument("a client_service needs a factory");
  if (backoff.initial_delay < duration() || backoff.max_delay < duration() || backoff.jitter < duration() ||
      !std::isfinite(backoff.factor) || backoff.factor < 1) {
    throw std::invalid_argument("backoff_options: delays and jitter are at least 0, the factor is at least 1");
  }
}

client_service::~client_service() = default;

void client_service::start() {
  if (running_) {
    start_again_ = stopping_;
    ended_ = false;
    return;
  }
  scheduler& home = scheduler::current();
  factory_->do_start();
  running_ = true;
  stopping_ = ended_ = false;
  try {
    home.root().start(run, shared_from_this());
  } catch (...) {
    ended();
    throw;
  }
}

deferred<> client_service::stop() {
  start_again_ = false;
  ended_ = true;
  give_up_waiting();
  if (!running_) return succeed();
  stopping_ = true;
  deferred<> ended = stopped_.emplace_back().get();
  if (protocol_ != nullptr && protocol_->connected()) {
    protocol_->transport().lose_connection();
  } else if (attempt_) {
    attempt_->cancel();
  }
  return ended;
}

deferred<std::shared_ptr<protocol>> client_service::connected(std::size_t fail_after_failures) {
  if (ended_) return fail<std::shared_ptr<protocol>>(cancelled_error());
  if (!stopping_ && ready_ != nullptr && ready_->connected()) return succeed(ready_);
  waiting_.remove_if([](const waiting& w) { return w.source.called(); });  // they were cancelled
  return waiting_.emplace_back(deferred_source<std::shared_ptr<protocol>>(), fail_after_failures).source.get();
}

void client_service::give_up_waiting() {
  std::list<waiting> given_up = std::exchange(waiting_, {});
  for (waiting& w : given_up) w.source.errback(cancelled_error());
}

void client_service::prepared(const std::shared_ptr<protocol>& p) {
  failures_ = 0;
  ready_ = p;
  std::list<waiting> served = std::exchange(waiting_, {});
  for (waiting& w : served) w.source.callback(p);
}

void client_service::failed(const failure& reason) {
  if (stopping_) return;
  ++failures_;
  log::debug("a client could not connect", {"to", to_.text()}, {"failures", failures_}, {"error", reason.message()});
  std::list<waiting> failing;
  for (auto w = waiting_.begin(); w != waiting_.end();) {
    const auto next = std::next(w);
    if (w->failures_left != unlimited && --w->failures_left == 0) failing.splice(failing.end(), waiting_, w);
    w = next;
  }
  for (waiting& w : failing) w.source.errback(reason);
}

duration client_service::delay() const {
  const double times = std::pow(backoff_.factor, static_cast<double>(std::clamp<std::size_t>(failures_, 1, 100)));
  const double longest = static_cast<double>(backoff_.max_delay.count());
  const double mean = std::min(static_cast<double>(backoff_.initial_delay.count()) * times, longest);
  std::uint32_t number = 0;
  scheduler::current().engine().random(std::as_writable_bytes(std::span(&number, 1)));
  const double more = static_cast<double>(backoff_.jitter.count()) * (static_cast<double>(number) / 4294967296.0);
  return std::chrono::duration<double, std::nano>(mean + more);
}

task<> client_service::keep_connected() {
  while (!stopping_) {
    attempt one(*this);
    auto connecting = [&] { return one.run(); };
    attempt_.emplace();
    co_await attempt_->run(connecting);
    if (stopping_) break;
    attempt_.emplace();
    const duration pause = delay();
    co_await attempt_->run(sleep_for(pause));
  }
}

task<> client_service::run(std::shared_ptr<client_service> self) {
  struct ending {
    client_service& service;
    ~ending() { service.ended(); }
  };
  const ending at_the_end{*self};
  co_await self->keep_connected();
}

// Also if the program ends.
void client_service::ended() noexcept {
  attempt_.reset();
  protocol_ = ready_ = nullptr;
  failures_ = 0;
  running_ = stopping_ = false;
  factory_->do_stop();
  if (!start_again_) {
    ended_ = true;
    give_up_waiting();
  }
  std::list<deferred_source<>> stopped = std::exchange(stopped_, {});
  for (deferred_source<>& s : stopped) s.callback();
  if (!std::exchange(start_again_, false) || running_) return;
  try {
    start();
  } catch (...) {
    log::error("a client could not be started again", {"to", to_.text()}, {"error", failure::current().message()});
  }
}

}  // namespace wring::net
