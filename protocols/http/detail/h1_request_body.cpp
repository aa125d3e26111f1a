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

buffer_lease h1_exchange::next_piece() {
  const server_limits& l = connection_.server.limits;
  const head_limits trailers{.target = 0, .size = l.max_trailer, .fields = l.max_trailer_fields};
  buffer_lease piece = body_.take(connection_.in, connection_.sched.blocks(), trailers);
  if (body_.why()) refuse_body(body_.why().status, body_.why().reason);
  if (in.chunked && body_.received() > in.max_body) refuse_body(413, "the body is longer than max_body");
  if (in.chunked && body_.complete()) in.trailers = body_.trailers();
  return piece;
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
  const duration due = l.rate_grace + std::chrono::seconds(body_.received() / l.min_rate);
  return std::min(l.body_progress, due - in_.waited);
}

task<buffer_lease> h1_exchange::read_body() {
  if (in_.failed) throw io_error(error(errc::unexpected_eof, "read the body of a request").with_address(in.peer));
  if (in_.being_read) throw io_error(error(errc::busy, "read the body of a request").with_address(in.peer));
  const body_reading here(in_.being_read);
  if (in.expects_continue) co_await send_continue();
  while (!body_.complete()) {
    buffer_lease piece = next_piece();
    if (!piece.empty()) co_return std::move(piece);
    if (body_.complete()) break;
    const auto before = steady_clock::now();
    const connection::fill got = co_await connection_.read_until(before + body_patience());
    in_.waited += steady_clock::now() - before;
    if (got == connection::fill::overdue) refuse_body(408, "the body came too slowly");
    if (got == connection::fill::ended) {
      in_.failed = true;
      persistent_ = false;
      co_await vanish();
      throw io_error(
          error(errc::unexpected_eof, "read the body of a request").with_address(in.peer).with_count(body_.received()));
    }
  }
  co_return buffer_lease();
}

task<bool> h1_exchange::drop_body() {
  std::uint64_t left = connection_.server.limits.drained_body;
  try {
    while (!body_.complete()) {
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
