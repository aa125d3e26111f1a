// SPDX-License-Identifier: MIT
#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <utility>
#include <vector>

#include <wring/core/callback/call_later.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/steady_clock.hpp>
#include <wring/net/callback/protocol_wrapper.hpp>
#include <wring/net/callback/throttling_factory.hpp>
#include <wring/net/callback/transport_wrapper.hpp>

namespace wring::net {

/// What may be received, or sent: grows by the limit each second, up to the limit.
class throttling_factory::direction {
 public:
  explicit direction(std::size_t limit)
      : limit_(static_cast<double>(limit)), limits_(limit != unlimited), left_(limit_) {
    if (limit == 0) throw std::invalid_argument("a throttling_factory's limits are at least one byte a second");
  }

  void count(std::size_t bytes) noexcept {
    if (limits_) left_ -= static_cast<double>(bytes);
  }
  /// How long until something may be received or sent; zero: now.
  [[nodiscard]] duration wait() noexcept {
    if (!limits_) return {};
    const auto now = steady_clock::now();
    if (counted_) left_ = std::min(limit_, left_ + limit_ * std::chrono::duration<double>(now - since_).count());
    since_ = now;
    counted_ = true;
    if (left_ >= 0) return {};
    // At least as long as it takes, in whole milliseconds.
    return std::chrono::milliseconds(static_cast<std::int64_t>(-left_ / limit_ * 1000) + 1);
  }

  bool held = false;
  delayed_call release;

 private:
  double limit_;
  bool limits_;
  double left_;
  bool counted_ = false;
  steady_clock::time_point since_;
};

/// What the connections share.
class throttling_factory::throttle : public std::enable_shared_from_this<throttle> {
 public:
  explicit throttle(throttling_options options) : reading(options.read_limit), writing(options.write_limit) {}
  throttle(const throttle&) = delete;
  throttle& operator=(const throttle&) = delete;
  ~throttle() {
    for (direction* const way : {&reading, &writing}) {
      if (way->release.active()) way->release.cancel();
    }
  }

  void count(direction& way, std::size_t bytes);

  direction reading;
  direction writing;
  std::vector<throttled_transport*> connections;

 private:
  void even_out(direction& way);
  void tell(const direction& way) const;
};

/// A producer as the transport sees it, which is held back by the throttle, too.
class throttling_factory::gate final : public producer {
 public:
  [[nodiscard]] bool attached() const noexcept { return to_ != nullptr; }
  void attach(producer& p, production how) {
    to_ = &p;
    how_ = how;
    paused_ = false;
    owed_ = held_ && how == production::push;
    if (owed_) p.pause_producing();
  }
  void detach() noexcept { to_ = nullptr; }

  void resume_producing() override {
    paused_ = false;
    if (held_) {
      owed_ = true;
    } else {
      to_->resume_producing();
    }
  }
  void pause_producing() override {
    paused_ = true;
    owed_ = false;
    if (!held_) to_->pause_producing();
  }
  void stop_producing() override { std::exchange(to_, nullptr)->stop_producing(); }

  void hold() {
    if (std::exchange(held_, true)) return;
    if (to_ == nullptr || how_ == production::pull || paused_) return;
    owed_ = true;
    to_->pause_producing();
  }
  void let_go() {
    if (!std::exchange(held_, false)) return;
    if (to_ != nullptr && std::exchange(owed_, false)) to_->resume_producing();
  }

 private:
  producer* to_ = nullptr;
  production how_ = production::push;
  bool held_ = false;    // by the throttle
  bool paused_ = false;  // by the transport
  bool owed_ = false;    // to be resumed when the throttle lets go
};

/// Stands between a protocol and its transport: what either asks for has to wait while the throttle holds.
class throttling_factory::throttled_transport final : public transport_wrapper,
                                                      public std::enable_shared_from_this<throttled_transport> {
 public:
  throttled_transport(std::shared_ptr<net::transport> t, std::shared_ptr<throttle> with)
      : transport_wrapper(std::move(t)), throttle_(std::move(with)) {
    throttle_->connections.push_back(this);
    if (throttle_->reading.held) follow(throttle_->reading);
    if (throttle_->writing.held) producing_.hold();
  }
  throttled_transport(const throttled_transport&) = delete;
  throttled_transport& operator=(const throttled_transport&) = delete;
  ~throttled_transport() override { leave(); }

  void leave() noexcept {
    if (throttle_ != nullptr) std::erase(throttle_->connections, this);
    throttle_ = nullptr;
  }

  using transport::write;
  void write(std::span<const std::byte> data) override {
    wrapped().write(data);
    if (throttle_ != nullptr && !disconnected()) throttle_->count(throttle_->writing, data.size());
  }
  void register_producer(producer& p, production how) override {
    if (producing_.attached()) return wrapped().register_producer(p, how);  // which refuses it
    producing_.attach(p, how);
    wrapped().register_producer(producing_, how);
  }
  void unregister_producer() override {
    producing_.detach();
    wrapped().unregister_producer();
  }
  void pause_producing() override {
    paused_ = true;
    if (!held_) wrapped().pause_producing();
  }
  void resume_producing() override {
    paused_ = false;
    if (!held_) wrapped().resume_producing();
  }

  /// The throttle holds, or has let go.
  void follow(const direction& way) {
    if (throttle_ == nullptr) return;
    if (&way == &throttle_->writing) {
      if (way.held) return producing_.hold();
      // Where what a producer throws loses the connection.
      auto resume = [](std::shared_ptr<throttled_transport> t) -> task<> {
        if (t->throttle_ != nullptr && !t->throttle_->writing.held) t->producing_.let_go();
        co_return;
      };
      if (!disconnected()) nursery().start(resume, shared_from_this());
    } else if (std::exchange(held_, way.held) != way.held && !paused_) {
      held_ ? wrapped().pause_producing() : wrapped().resume_producing();
    }
  }

 private:
  std::shared_ptr<throttle> throttle_;  // until the connection is lost
  gate producing_;
  bool held_ = false;    // reading is, by the throttle
  bool paused_ = false;  // by the protocol
};

void throttling_factory::throttle::count(direction& way, std::size_t bytes) {
  way.count(bytes);
  if (!way.held) even_out(way);
}

void throttling_factory::throttle::even_out(direction& way) {
  const duration wait = way.wait();
  const bool hold = wait > duration();
  if (hold) {
    auto later = [whose = weak_from_this(), &way] {
      if (const auto self = whose.lock(); self != nullptr) self->even_out(way);
    };
    way.release = call_later(wait, std::move(later));
  }
  if (std::exchange(way.held, hold) != hold) tell(way);
}

void throttling_factory::throttle::tell(const direction& way) const {
  const std::vector<throttled_transport*> all = connections;  // one may leave
  for (throttled_transport* const one : all) {
    if (std::ranges::find(connections, one) != connections.end()) one->follow(way);
  }
}

class throttling_factory::connection final : public protocol_wrapper {
 public:
  connection(std::shared_ptr<protocol> p, std::shared_ptr<throttle> with)
      : protocol_wrapper(std::move(p)), throttle_(std::move(with)) {}
  void data_received(std::span<const std::byte> data) override {
    throttle_->count(throttle_->reading, data.size());
    protocol_wrapper::data_received(data);
  }
  void connection_lost(const failure& reason) override {
    if (transport_ != nullptr) transport_->leave();
    protocol_wrapper::connection_lost(reason);
  }

 private:
  std::shared_ptr<net::transport> wrap_transport(std::shared_ptr<net::transport> t) override {
    transport_ = std::make_shared<throttled_transport>(std::move(t), throttle_);
    return transport_;
  }

  std::shared_ptr<throttle> throttle_;
  std::shared_ptr<throttled_transport> transport_;
};

throttling_factory::throttling_factory(std::shared_ptr<factory> wrapped, throttling_options options)
    : wrapping_factory(std::move(wrapped)), throttle_(std::make_shared<throttle>(options)) {}
throttling_factory::~throttling_factory() = default;

std::shared_ptr<protocol> throttling_factory::wrap(std::shared_ptr<protocol> p, const socket_address& peer) {
  static_cast<void>(peer);
  return std::make_shared<connection>(std::move(p), throttle_);
}

}  // namespace wring::net
