// SPDX-License-Identifier: MIT
#include <cstddef>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>

#include <wring/core/buffer_lease.hpp>
#include <wring/core/log.hpp>
#include <wring/core/sync/event.hpp>
#include <wring/protocols/http/web/agent.hpp>

namespace wring::web {

body_producer::~body_producer() = default;

namespace {

/// As much waits before a producer is paused, and at most.
constexpr std::size_t most_unsent = std::size_t{64} * 1024;
constexpr std::size_t most_held = std::size_t{16} * 1024 * 1024;

/// What a producer writes to: holds what it has written until that is sent. Its deferred keeps it.
class produced final : public net::consumer, public std::enable_shared_from_this<produced> {
 public:
  explicit produced(std::shared_ptr<body_producer> by) noexcept : by_(std::move(by)) {}

  void register_producer(net::producer& /*p*/, net::production /*how*/) override {
    throw std::logic_error("the body of a request has its body_producer, and no other");
  }
  void unregister_producer() override {}
  using net::consumer::write;
  void write(std::span<const std::byte> data) override {
    if (by_ == nullptr) return;
    if (ended_) throw std::logic_error("the body of a request has ended: nothing can be written");
    if (data.size() > most_held - unsent_.size()) {
      throw std::length_error("more waits to be sent than " + std::to_string(most_held) +
                              " bytes: stop writing in pause_producing");
    }
    unsent_.append(reinterpret_cast<const char*>(data.data()), data.size());
    changed_.set();
    if (!paused_ && unsent_.size() > most_unsent) {
      paused_ = true;
      by_->pause_producing();
    }
  }

  void start() {
    const std::shared_ptr<produced> self = shared_from_this();
    deferred<> done = by_->start_producing(*this);
    begun_ = true;
    done.add_callbacks([self] { self->end(); }, [self](failure why) { self->end(std::move(why)); });
  }

  [[nodiscard]] task<buffer_lease> next() {
    if (!begun_) start();
    while (unsent_.empty() && !ended_) {
      changed_.reset();
      co_await changed_.wait();
    }
    if (failed_) failed_->raise();
    buffer_lease piece = buffer_lease::copy_of(std::as_bytes(std::span(unsent_)));
    unsent_.clear();
    if (paused_ && !ended_) {
      paused_ = false;
      by_->resume_producing();
    }
    co_return piece;
  }

  /// Nobody takes anything more.
  void stop() noexcept {
    const std::shared_ptr<body_producer> by = std::move(by_);
    if (!begun_ || ended_) return;
    try {
      by->stop_producing();
    } catch (...) {
      log::error("stopping the producer of a request's body failed", {"error", failure::current().message()});
    }
  }

 private:
  void end(std::optional<failure> why = {}) noexcept {
    ended_ = true;
    failed_ = std::move(why);
    changed_.set();
  }

  std::shared_ptr<body_producer> by_;
  std::string unsent_;
  event changed_;
  std::optional<failure> failed_;
  bool begun_ = false;
  bool paused_ = false;
  bool ended_ = false;
};

/// The same as a `net::byte_source`.
class produced_body {
 public:
  explicit produced_body(std::shared_ptr<body_producer> by) : held_(std::make_shared<produced>(std::move(by))) {}
  produced_body(const produced_body&) = delete;
  produced_body& operator=(const produced_body&) = delete;
  ~produced_body() { held_->stop(); }

  [[nodiscard]] task<buffer_lease> read_some() { return held_->next(); }

 private:
  std::shared_ptr<produced> held_;
};

task<agent::answer> send(http::client& web, nursery& n, http::client_request q) {
  http::client_response rs = co_await web.send(q);
  co_return std::make_shared<client_response>(std::move(rs), n);
}

task<agent::answer> send_produced(http::client& web, nursery& n, http::client_request q,
                                  std::shared_ptr<body_producer> by) {
  if (const auto length = by->length()) q.content_length(*length);
  produced_body body(std::move(by));
  http::client_response rs = co_await web.send(q, body);
  co_return std::make_shared<client_response>(std::move(rs), n);
}

}  // namespace

deferred<agent::answer> agent::request(http::client_request q) const {
  return start_deferred(*nursery_, send, std::ref(*web_), std::ref(*nursery_), std::move(q));
}

deferred<agent::answer> agent::request(http::client_request q, std::shared_ptr<body_producer> body) const {
  if (body == nullptr) throw std::invalid_argument("there is no producer of the request's body");
  return start_deferred(*nursery_, send_produced, std::ref(*web_), std::ref(*nursery_), std::move(q), std::move(body));
}

}  // namespace wring::web
