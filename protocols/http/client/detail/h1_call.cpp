// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <functional>
#include <stdexcept>
#include <utility>

#include <wring/core/cancel_scope.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/sleep.hpp>
#include <wring/core/timeout.hpp>
#include <wring/protocols/http/client/detail/detached_stream.hpp>
#include <wring/protocols/http/client/detail/h1_call.hpp>
#include <wring/protocols/http/detail/characters.hpp>

namespace wring::http::detail {

namespace {

constexpr const char* reading_head = "read the head of an answer from";

response_limits response_limits_of(const client_limits& l) noexcept {
  return {.head = l.max_head, .fields = l.max_fields, .interim = l.max_interim};
}

}  // namespace

h1_call::h1_call(connection_use c, const asked_request& asked, const interim_observer* told)
    : use_(std::move(c)),
      limits_(use_->limits),
      peer_(use_->peer),
      head_block_(use_->sched.blocks().acquire(block_pool::sizes.front())),
      store_({head_block_.data(), head_block_.size()}),
      parser_(asked, response_limits_of(limits_)),
      told_(told),
      reused_(use_.reused()) {}

void h1_call::append_start(std::string_view method, std::string_view scheme_and_authority, std::string_view target,
                           std::string_view host) {
  output& o = use_->out;
  o.append(method);
  o.append(" ");
  o.append(scheme_and_authority);
  o.append(target);
  o.append(" HTTP/1.1\r\n");
  if (!host.empty()) append_field("Host", host);
}

void h1_call::append_field(std::string_view name, std::string_view value) {
  output& o = use_->out;
  o.append(name);
  o.append(": ");
  o.append(value);
  o.append("\r\n");
}

void h1_call::append_end(body_form form, std::uint64_t length) {
  output& o = use_->out;
  sends_ = form;
  unsent_ = length;
  if (form == body_form::chunked) o.append("Transfer-Encoding: chunked\r\n");
  if (form == body_form::length) {
    o.append("Content-Length: ");
    o.append_number(length);
    o.append("\r\n");
  }
  o.append("\r\n");
  sent_all_ = form == body_form::none;
}

steady_clock::time_point h1_call::head_deadline() const noexcept { return steady_clock::now() + limits_.head; }

task<result<>> h1_call::send_head() { return use_->flush(); }

task<result<>> h1_call::send_body(std::span<const std::byte> data) {
  constexpr std::string_view digits = "0123456789abcdef";
  constexpr std::string_view line_end = "\r\n";
  if (sent_all_ || !use_) throw std::logic_error("a request's body has ended");
  if (data.empty()) co_return co_await use_->flush();
  output& o = use_->out;
  if (sends_ != body_form::chunked) {
    if (data.size() > unsent_) throw std::logic_error("a request's body is longer than it was announced");
    const std::array<std::span<const std::byte>, 1> parts{data};
    const result<> sent = co_await use_->send(parts);
    if (sent) unsent_ -= data.size();
    co_return sent;
  }
  std::array<char, 16> size{};
  std::size_t at = size.size();
  for (std::size_t left = data.size(); left != 0; left /= 16) size[--at] = digits[left % 16];
  o.append({size.data() + at, size.size() - at});
  o.append(line_end);
  const std::array<std::span<const std::byte>, 2> parts{data, std::as_bytes(std::span(line_end))};
  co_return co_await use_->send(parts);
}

void h1_call::append_trailers(std::span<const client_request::own_field> trailers) {
  use_->out.append("0\r\n");
  for (const client_request::own_field& f : trailers) append_field(f.name, f.value);
  use_->out.append("\r\n");
}

task<result<>> h1_call::end_body(std::span<const client_request::own_field> trailers) {
  if (sent_all_) co_return result<>();
  if (sends_ == body_form::length && unsent_ != 0) {
    throw std::logic_error("a request's body is shorter than it was announced");
  }
  if (sends_ == body_form::chunked) append_trailers(trailers);
  const result<> sent = co_await use_->flush();
  if (sent) sent_all_ = true;
  if (has_head_ && body_.complete()) release();
  co_return sent;
}

error h1_call::refused(const refusal& why) const noexcept {
  if (why.status != 431) return error::from_errno(EPROTO, reading_head).with_address(peer_).with_detail(why.reason);
  return error(errc::limit_exceeded, reading_head).with_address(peer_).with_detail(why.reason);
}

void h1_call::grow_store() {
  const std::size_t used = store_.size() + store_.count() * sizeof(field_entry);
  buffer_lease larger = use_->sched.blocks().acquire(2 * (used + store_.room().size()));
  store_.move_to({larger.data(), larger.size()});
  head_block_ = std::move(larger);
}

result<> h1_call::head_complete() {
  has_head_ = true;
  body_.begin(parser_.form(), parser_.facts().length);
  if (body_.complete()) release();
  return {};
}

task<result<>> h1_call::read_head(steady_clock::time_point deadline) {
  client_connection& c = *use_;
  for (;;) {
    while (!c.in.empty()) {
      answered_ = true;
      const response_parser::step step = parser_.feed(c.in.bytes(), store_);
      c.in.drop(step.consumed);
      answer_bytes_ += step.consumed;
      switch (step.state) {
        case response_parser::status::incomplete:
          break;
        case response_parser::status::no_room:
          grow_store();
          break;
        case response_parser::status::interim:
          if (told_ != nullptr && *told_) (*told_)(status(), headers());
          if (status() == 100) continue_.set();
          break;
        case response_parser::status::done:
          co_return head_complete();
        case response_parser::status::refused:
          failed_ = true;
          co_return refused(parser_.why());
      }
    }
    const result<bool> got = co_await c.read_until(deadline);
    if (!got) {
      failed_ = true;
      if (got.error() != errc::timed_out) co_return got.error();
      co_return error(errc::timed_out, reading_head).with_address(peer_).with_detail("client_limits::head");
    }
    if (!*got) {
      failed_ = true;
      co_return error(errc::unexpected_eof, reading_head).with_address(peer_).with_count(answer_bytes_);
    }
  }
}

task<result<>> h1_call::send_whole(std::string_view body) {
  const std::array<std::span<const std::byte>, 1> parts{std::as_bytes(std::span(body))};
  const result<> sent = co_await use_->send(parts);
  if (sent) {
    sent_all_ = true;
  } else if (sent.error() == errc::timed_out) {
    failed_ = true;
    co_return sent;
  }
  // A server that refuses a request may answer and close before it has read all of it.
  const result<> got = co_await read_head(head_deadline());
  if (!got && !sent && !answered_) co_return sent;
  co_return got;
}

task<result<>> h1_call::send_from(net::byte_source_ref body, std::span<const client_request::own_field> trailers,
                                  bool waits) {
  nursery n;
  cancel_scope reading;
  std::optional<error> fault;
  result<> outcome;
  const auto pump = [&]() -> task<> {
    result<> sent = co_await send_head();
    if (sent && waits) static_cast<void>(co_await move_on_after(limits_.continue_wait, continue_.wait()));
    while (sent) {
      const buffer_lease piece = co_await body.read_some();
      if (piece.empty()) break;
      sent = co_await send_body(piece);
    }
    if (sent) sent = co_await end_body(trailers);
    if (!sent) fault = sent.error();
    if (!sent && sent.error() == errc::timed_out) {
      reading.cancel();
      co_return;
    }
    co_await sleep_for(limits_.head);
    if (!fault) fault = error(errc::timed_out, reading_head).with_address(peer_).with_detail("client_limits::head");
    reading.cancel();
  };
  const auto work = [&]() -> task<> {
    n.start(std::ref(pump));
    const std::optional<result<>> got = co_await reading.run(read_head(steady_clock::time_point::max()));
    if (!got) {
      failed_ = true;
      outcome = *fault;
    } else if (!*got && fault && !answered_) {
      outcome = *fault;
    } else {
      outcome = *got;
    }
    n.cancel();
  };
  co_await n.run(std::ref(work));
  co_return outcome;
}

std::optional<std::uint64_t> h1_call::announced() const noexcept {
  const head_facts& f = parser_.facts();
  if (decoder_ || f.chunked) return std::nullopt;
  if (f.has_length) return f.length;
  if (f.status == 204 || f.status == 304) return 0;
  return std::nullopt;
}

void h1_call::fail_body(const error& e) {
  failed_ = true;
  release();
  e.raise();
}

buffer_lease h1_call::next_piece() {
  const head_limits trailers{.target = 0, .size = limits_.max_trailer, .fields = limits_.max_trailer_fields};
  return body_.take(use_->in, use_->sched.blocks(), trailers);
}

buffer_lease h1_call::try_read_body() {
  if (failed_ || being_read_ || decoder_ || form() == body_form::other || body_.complete()) return {};
  buffer_lease piece = next_piece();
  if (body_.complete()) release();
  return piece;
}

task<buffer_lease> h1_call::read_encoded() {
  constexpr const char* what = "read the body of an answer from";
  if (failed_) error(errc::unexpected_eof, what).with_address(peer_).raise();
  if (form() == body_form::other) co_return buffer_lease();
  while (!body_.complete()) {
    buffer_lease piece = next_piece();
    if (body_.complete()) release();
    if (!piece.empty()) co_return piece;
    if (body_.complete()) break;
    if (body_.why()) {
      const refusal& why = body_.why();
      const error e = why.status == 431 ? error(errc::limit_exceeded, what) : error::from_errno(EPROTO, what);
      fail_body(e.with_address(peer_).with_detail(why.reason));
    }
    const result<bool> got = co_await use_->read_until(steady_clock::now() + limits_.body_progress);
    if (!got && got.error() == errc::timed_out) {
      fail_body(error(errc::timed_out, what).with_address(peer_).with_detail("client_limits::body_progress"));
    }
    if (!got) fail_body(got.error());
    if (!*got && !body_.end()) {
      fail_body(error(errc::unexpected_eof, what).with_address(peer_).with_count(body_.received()));
    }
  }
  release();
  co_return buffer_lease();
}

task<buffer_lease> h1_call::read_decoded() {
  for (;;) {
    auto made = decoder_->take(scheduler::current().blocks());
    if (!made) fail_body(made.error().with_address(peer_));
    if (!made->empty()) co_return std::move(*made);
    buffer_lease more = co_await read_encoded();
    if (more.empty()) {
      if (decoder_->complete()) co_return buffer_lease();
      fail_body(error(errc::unexpected_eof, "decode the body of an answer").with_address(peer_));
    }
    decoder_->feed(std::move(more));
  }
}

namespace {

/// One task reads a body at a time.
struct body_reading {
  explicit body_reading(bool& flag) noexcept : flag_(flag) { flag_ = true; }
  body_reading(const body_reading&) = delete;
  body_reading& operator=(const body_reading&) = delete;
  ~body_reading() { flag_ = false; }

  bool& flag_;
};

}  // namespace

task<buffer_lease> h1_call::read_body() {
  if (being_read_) error(errc::busy, "read the body of an answer from").with_address(peer_).raise();
  const body_reading here(being_read_);
  if (decoder_) co_return co_await read_decoded();
  co_return co_await read_encoded();
}

void h1_call::decode() {
  if (form() == body_form::none || form() == body_form::other) return;
  const auto coding = content_decoder::coding_of(headers().joined("content-encoding"));
  if (coding == content_decoder::coding::none) return;
  decoder_.emplace(coding);
  store_.remove("content-encoding");
  store_.remove("content-length");
}

task<> h1_call::drop_body(std::uint64_t most) {
  try {
    while (!body_.complete()) {
      const buffer_lease dropped = co_await read_encoded();
      if (dropped.size() > most) co_return;
      most -= dropped.size();
    }
  } catch (const io_error&) {
    // The connection ends, that is all.
  }
}

net::any_stream h1_call::take_stream() {
  if (!has_head_ || form() != body_form::other || !use_) {
    throw std::logic_error("only an answer that switches the protocol, or makes a tunnel, has a stream to take");
  }
  input ahead = std::move(use_->in);
  net::any_stream stream = use_.take_stream();
  if (ahead.empty()) return stream;
  return net::any_stream(std::in_place_type<detached_stream>, std::move(stream), std::move(ahead));
}

void h1_call::release() noexcept {
  if (!use_ || !sent_all_) return;  // where the request is still being sent, the connection is in use
  if (!has_head_ || failed_ || !body_.complete() || !use_->in.empty()) return use_.drop();
  if (!parser_.reusable()) return use_.close();
  duration most = limits_.idle;
  if (const auto hint = headers().find("keep-alive")) {
    // "timeout=5, max=100": it is closed a little before the server closes it.
    const std::size_t at = hint->find("timeout=");
    std::int64_t seconds = 0;
    for (std::size_t i = at + 8; at != std::string_view::npos && i < hint->size() && is_digit((*hint)[i]); ++i) {
      seconds = std::min<std::int64_t>(seconds * 10 + ((*hint)[i] - '0'), 1'000'000);
    }
    if (at != std::string_view::npos) most = std::min(most, duration(std::chrono::seconds(seconds - 1)));
  }
  use_.give_back(most);
}

h1_call::~h1_call() {
  if (use_ && has_head_ && sent_all_ && !failed_ && !body_.complete() && parser_.reusable()) {
    try {
      while (!body_.complete() && !body_.why()) {
        if (use_->in.empty()) use_->in.refill(use_->stream.try_read_some());
        if (use_->in.empty()) break;
        static_cast<void>(next_piece());
      }
    } catch (...) {
      failed_ = true;
    }
  }
  release();
  use_.drop();
}

}  // namespace wring::http::detail
