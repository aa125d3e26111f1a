// SPDX-License-Identifier: MIT
// The body of a request, and the trailers behind it.
#include <algorithm>
#include <chrono>
#include <utility>

#include <wring/core/log.hpp>
#include <wring/core/this_task.hpp>
#include <wring/protocols/http/detail/h1_exchange.hpp>
#include <wring/protocols/http/status.hpp>

namespace wring::http::detail {

void h1_exchange::refuse_body(int status, const char* why) {
  in_.failed = true;
  persistent_ = false;
  if (status == 413) connection_.server.met(met_limit::max_body);
  if (status == 431) connection_.server.met(met_limit::max_head);
  if (status == 408) connection_.server.met(met_limit::body_progress);
  throw status_error(status, {}, why);
}

void h1_exchange::count_body(std::size_t bytes) {
  in_.received += bytes;
  if (in.chunked && in_.received > in.max_body) refuse_body(413, "the body is longer than max_body");
}

bool h1_exchange::parse_trailers() {
  const auto make_room = [this](std::size_t size) { return connection_.sched.blocks().acquire(size); };
  if (!trailer_) {
    const server_limits& l = connection_.server.limits;
    const head_limits limits{.target = 0, .size = l.max_trailer, .fields = l.max_trailer_fields};
    trailer_.emplace(make_room(block_pool::sizes.front()), head_parser(head_parser::kind::trailers, limits));
    trailer_->store = head_store({trailer_->block.data(), trailer_->block.size()});
  }
  trailer_section& t = *trailer_;
  for (;;) {
    const head_parser::step step = t.parser.feed(connection_.in.bytes(), t.store);
    connection_.in.drop(step.consumed);
    if (step.state == head_parser::status::refused) refuse_body(t.parser.why().status, t.parser.why().reason);
    if (step.state == head_parser::status::incomplete) return false;
    if (step.state == head_parser::status::done) {
      in.trailers = t.store.all();
      return true;
    }
    buffer_lease larger = make_room(2 * t.block.size());
    t.store.move_to({larger.data(), larger.size()});
    t.block = std::move(larger);
  }
}

buffer_lease h1_exchange::next_piece() {
  input& from = connection_.in;
  if (!in.chunked) {
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(in_.left, from.bytes().size()));
    if (count == 0) return {};
    in_.left -= count;
    in_.complete = in_.left == 0;
    in_.received += count;
    return from.take(count);
  }
  while (!from.empty() && !in_.complete) {
    if (in_.in_trailers) {
      in_.complete = parse_trailers();
      continue;
    }
    const chunked_decoder::step step = in_.chunks.feed(from.bytes());
    switch (step.state) {
      case chunked_decoder::status::more:
        from.drop(step.consumed);
        break;
      case chunked_decoder::status::data:
        from.drop(step.consumed - step.data);
        count_body(step.data);
        return from.take(step.data);
      case chunked_decoder::status::trailers:
        from.drop(step.consumed);
        in_.in_trailers = true;
        break;
      case chunked_decoder::status::refused:
        refuse_body(in_.chunks.why().status, in_.chunks.why().reason);
    }
  }
  return {};
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

duration h1_exchange::body_patience() const noexcept {
  const server_limits& l = connection_.server.limits;
  if (l.min_rate == 0) return l.body_progress;
  const duration due = l.rate_grace + std::chrono::seconds(in_.received / l.min_rate);
  return std::min(l.body_progress, due - in_.waited);
}

task<buffer_lease> h1_exchange::read_body() {
  if (in_.failed) throw io_error(error(errc::unexpected_eof, "read the body of a request").with_address(in.peer));
  if (in_.being_read) throw io_error(error(errc::busy, "read the body of a request").with_address(in.peer));
  const body_reading here(in_.being_read);
  if (in.expects_continue) co_await send_continue();
  while (!in_.complete) {
    buffer_lease piece = next_piece();
    if (!piece.empty()) co_return std::move(piece);
    if (in_.complete) break;
    const auto before = steady_clock::now();
    const connection::fill got = co_await connection_.read_until(before + body_patience());
    in_.waited += steady_clock::now() - before;
    if (got == connection::fill::overdue) refuse_body(408, "the body came too slowly");
    if (got == connection::fill::ended) {
      in_.failed = true;
      persistent_ = false;
      co_await vanish();
      throw io_error(
          error(errc::unexpected_eof, "read the body of a request").with_address(in.peer).with_count(in_.received));
    }
  }
  co_return buffer_lease();
}

task<bool> h1_exchange::drop_body() {
  std::uint64_t left = connection_.server.limits.drained_body;
  try {
    while (!in_.complete) {
      const buffer_lease dropped = co_await read_body();
      if (dropped.size() > left) co_return false;
      left -= dropped.size();
    }
  } catch (const std::exception&) {
    co_return false;
  }
  co_return true;
}

}  // namespace wring::http::detail
