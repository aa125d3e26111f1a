// SPDX-License-Identifier: MIT
#include <algorithm>
#include <stdexcept>
#include <utility>

#include <wring/net/callback/connection_error.hpp>
#include <wring/protocols/http/content/session.hpp>
#include <wring/protocols/http/detail/characters.hpp>
#include <wring/protocols/http/url.hpp>
#include <wring/protocols/http/web/request.hpp>

namespace wring::web {

namespace {

/// As much waits before a producer is paused.
constexpr std::size_t most_unsent = std::size_t{64} * 1024;

}  // namespace

request::request(http::request& rq, http::response& rs, std::size_t write_limit)
    : rq_(&rq), rs_(&rs), limit_(write_limit) {
  // Split before it is decoded, so that %2F never makes a segment.
  std::string_view path = rq.path();
  if (path.starts_with('/')) path.remove_prefix(1);
  for (;;) {
    const std::size_t end = std::min(path.find('/'), path.size());
    postpath_.push_back(http::percent_decode(path.substr(0, end)).value_or(std::string()));
    if (end == path.size()) break;
    path.remove_prefix(end + 1);
  }
}

request::~request() = default;

http::request& request::underlying() const {
  if (rq_ == nullptr) throw std::logic_error("the request is over");
  return *rq_;
}

http::response& request::response() const {
  if (rs_ == nullptr) throw std::logic_error("the request is over");
  return *rs_;
}

http::session& request::session() const { return underlying().get<http::session>(); }

const std::string& request::content() const {
  if (!content_)
    throw std::logic_error("the request's body has not been read: its resource streams it, or is not found");
  return *content_;
}

void request::take_content(std::string content) {
  content_.emplace(std::move(content));
  args_.reset();
}

void request::check_writable() const {
  if (finished_) throw std::logic_error("the answer is finished: nothing can be written");
  if (has_task_) throw std::logic_error("a task answers this request: it writes to response()");
}

std::vector<std::string_view> request::args(std::string_view name) {
  if (!args_) {
    std::string all(underlying().query());
    const std::string_view type = header("content-type").value_or("");
    const std::string_view essence = http::detail::trimmed(type.substr(0, type.find(';')));
    if (content_ && http::detail::equals_ignoring_case(essence, "application/x-www-form-urlencoded")) {
      all.append("&").append(*content_);
    }
    args_.emplace(all, http::form_limits{.bytes = all.size()});
  }
  return args_->all(name);
}

void request::redirect(std::string_view to) {
  response().status(302).header("Location", to);
  if (!has_task_) finish();
}

void request::write(std::span<const std::byte> data) {
  check_writable();
  if (over()) return;
  if (data.size() > limit_ - std::min(limit_, unsent_.size())) {
    throw std::length_error("more waits to be sent than the write limit, " + std::to_string(limit_) +
                            " bytes: write by a producer");
  }
  unsent_.append(reinterpret_cast<const char*>(data.data()), data.size());
  wanted_.set();
  if (producer_ != nullptr && production_ == net::production::push && !paused_ && unsent_.size() > most_unsent) {
    paused_ = true;
    producer_->pause_producing();
  }
}

void request::finish() {
  if (finished_) throw std::logic_error("the answer has been finished already");
  check_writable();
  finished_ = true;
  wanted_.set();
}

void request::register_producer(net::producer& p, net::production how) {
  if (producer_ != nullptr) throw std::logic_error("a request has one producer at a time: unregister the other first");
  if (over()) return p.stop_producing();
  check_writable();
  producer_ = &p;
  production_ = how;
  paused_ = false;
  wanted_.set();
  if (how == net::production::pull) p.resume_producing();
}

void request::unregister_producer() { producer_ = nullptr; }

deferred<> request::notify_finish() {
  if (over()) {
    deferred_source<> late;
    deferred<> d = late.get();
    if (sent_) {
      late.callback();
    } else {
      late.errback(net::connection_aborted());
    }
    return d;
  }
  return finish_.emplace_back().get();
}

void request::resume_producer() {
  if (producer_ == nullptr || finished_) return;
  if (production_ == net::production::pull || std::exchange(paused_, false)) producer_->resume_producing();
}

task<> request::send() {
  for (;;) {
    co_await wanted_.wait();
    wanted_.reset();
    if (failed_) failed_->raise();
    // What is complete at once is an answer with a length.
    if (finished_ && !rs_->head_sent()) {
      rs_->body(std::exchange(unsent_, {}), {});
      sent_ = true;
      co_return;
    }
    const std::string piece = std::exchange(unsent_, {});
    if (!piece.empty()) co_await rs_->write_all(piece);
    if (finished_ && unsent_.empty()) {
      sent_ = true;
      co_return;
    }
    if (unsent_.size() <= most_unsent) resume_producer();
  }
}

void request::fail(const failure& why) noexcept {
  failed_.emplace(why);
  wanted_.set();
}

void request::end() noexcept {
  rq_ = nullptr;
  rs_ = nullptr;
  unsent_.clear();
  if (net::producer* const p = std::exchange(producer_, nullptr); p != nullptr && !sent_) p->stop_producing();
  for (deferred_source<>& each : std::exchange(finish_, {})) {
    if (each.called()) continue;  // it was cancelled
    if (sent_) {
      each.callback();
    } else {
      each.errback(net::connection_aborted());
    }
  }
}

void request::descend() {
  prepath_.push_back(std::move(postpath_.front()));
  postpath_.erase(postpath_.begin());
}

}  // namespace wring::web
