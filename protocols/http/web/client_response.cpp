// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <utility>

#include <wring/core/callback/start_deferred.hpp>
#include <wring/net/callback/protocol_wrapper.hpp>
#include <wring/net/callback/run_protocol.hpp>
#include <wring/protocols/http/web/client_response.hpp>

namespace wring::web {

namespace {

constexpr const char* reading = "read the body of an answer from";

/// Gives up an answer whose body is not read to its end, so that its connection ends even if somebody keeps it.
class until_read {
 public:
  explicit until_read(std::optional<http::client_response>& answer) noexcept : answer_(answer) {}
  until_read(const until_read&) = delete;
  until_read& operator=(const until_read&) = delete;
  ~until_read() {
    if (!read_) answer_.reset();
  }
  void set_read() noexcept { read_ = true; }

 private:
  std::optional<http::client_response>& answer_;
  bool read_ = false;
};

}  // namespace

/// A body as the stream of a connection that only receives.
class client_response::body_stream {
 public:
  explicit body_stream(http::client_response& answer) noexcept : body_(answer.body()), peer_(answer.peer()) {
    if (answer.header("content-length")) length_ = body_.length();
  }

  [[nodiscard]] task<buffer_lease> read_some() {
    if (closed_) error(errc::closed, reading).raise();
    buffer_lease piece = co_await body_.read_some();
    received_ += piece.size();
    complete_ = piece.empty() || received_ == length_;
    co_return piece;
  }
  [[nodiscard]] task<std::size_t> read(std::span<std::byte> into) {
    if (left_.empty() && !into.empty()) left_ = co_await read_some();
    const std::size_t count = std::min(left_.size(), into.size());
    if (count != 0) std::memcpy(into.data(), left_.data(), count);
    left_.consume(count);
    co_return count;
  }
  [[nodiscard]] task<> write_all(std::span<const std::byte> /*data*/) { co_return; }
  [[nodiscard]] task<> write_all(std::span<const std::span<const std::byte>> /*parts*/) { co_return; }
  [[nodiscard]] task<> shut_down_write() { co_return; }
  [[nodiscard]] task<> close() {
    abort();
    co_return;
  }
  void abort() noexcept { closed_ = true; }
  [[nodiscard]] const error_address& peer_address() const noexcept { return peer_; }

  /// Whether all of it has been read, though maybe not its end.
  [[nodiscard]] bool complete() const noexcept { return complete_; }

 private:
  http::client_body& body_;
  error_address peer_;
  buffer_lease left_;
  std::optional<std::uint64_t> length_;  // as it is received
  std::uint64_t received_ = 0;
  bool complete_ = false;
  bool closed_ = false;
};

/// Tells the protocol how the body has ended, in place of how a connection has.
class client_response::body_receiver final : public net::protocol_wrapper {
 public:
  body_receiver(std::shared_ptr<net::protocol> to, const body_stream& from, http::client_response& answer)
      : protocol_wrapper(std::move(to)), from_(from), answer_(answer) {}

  void connection_lost(const failure& reason) override { protocol_wrapper::connection_lost(outcome(reason)); }
  /// A body has one direction.
  [[nodiscard]] net::half_closeable* half_closing() noexcept override { return nullptr; }

 private:
  [[nodiscard]] failure outcome(const failure& reason) const {
    if (const auto* const lost = reason.get_if<net::connection_lost_error>(); lost != nullptr) {
      return response_failed(lost->details(), reason);
    }
    if (!reason.check<net::connection_done>()) return reason;
    if (!from_.complete()) {
      return response_failed(
          error::from_errno(ECANCELED, reading).with_address(answer_.peer()).with_detail("the receiver has ended it"),
          reason);
    }
    if (answer_.body().may_be_cut()) return potential_data_loss();
    return response_done();
  }

  const body_stream& from_;
  http::client_response& answer_;
};

http::client_response& client_response::underlying() {
  if (!answer_) throw std::logic_error("the answer has failed, and is gone");
  return *answer_;
}

void client_response::begin() {
  if (begun_) throw std::logic_error("the body of an answer is delivered once");
  begun_ = true;
}

void client_response::deliver_body(std::shared_ptr<net::protocol> to) {
  if (to == nullptr) throw std::invalid_argument("there is no protocol to deliver a body to");
  begin();
  static_cast<void>(start_deferred(nursery_, deliver, shared_from_this(), std::move(to)));
}

task<> client_response::deliver(std::shared_ptr<client_response> from, std::shared_ptr<net::protocol> to) {
  until_read here(from->answer_);
  body_stream body(*from->answer_);
  const auto receiver = std::make_shared<body_receiver>(std::move(to), body, *from->answer_);
  co_await net::run_protocol(body, receiver);
  if (body.complete()) here.set_read();
}

task<std::string> client_response::collect(std::shared_ptr<client_response> from, std::size_t limit) {
  until_read here(from->answer_);
  std::string text = co_await from->answer_->text(limit);
  here.set_read();
  if (from->answer_->body().may_be_cut()) throw partial_download_error(from->code_, std::move(text));
  co_return text;
}

deferred<std::string> read_body(const std::shared_ptr<client_response>& rs, std::size_t limit) {
  rs->begin();
  return start_deferred(rs->nursery_, client_response::collect, rs, limit);
}

}  // namespace wring::web
