// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <memory>

#include <wring/core/duration.hpp>
#include <wring/core/task.hpp>
#include <wring/core/this_task.hpp>
#include <wring/protocols/http/detail/connection.hpp>
#include <wring/protocols/http/detail/h1_exchange.hpp>
#include <wring/protocols/http/detail/request_wait.hpp>
#include <wring/protocols/http/detail/server_state.hpp>

namespace wring::http::detail {

using after = h1_exchange::after;

/// What of a request is left to be done when all that takes no waiting has been.
enum class rest : std::uint8_t { head, handler, end, nothing };

/// Parses what there is, and, if that is all of a head and its handler is a plain function, answers: most requests come
/// whole, and need no coroutine of their own. `what` is set if nothing is left to be done.
[[nodiscard]] rest answer_at_once(connection& c, h1_exchange& x, after& what);
/// Does the rest.
[[nodiscard]] task<after> serve_rest(connection& c, h1_exchange& x, rest left);
/// Reads what an idle connection still gets when the program has been asked to stop: what had arrived then, and what
/// comes in the lame duck's time.
[[nodiscard]] task<> read_last(connection& c, duration limit);
/// Sends what is still to be sent, and closes.
[[nodiscard]] task<> end_connection(connection& c, after what);

/// Counts a connection while it is open.
struct open_connection {
  explicit open_connection(server_state& s) noexcept : counts_(s.counts) {
    if (counts_ != nullptr) counts_->add_connection();
  }
  open_connection(const open_connection&) = delete;
  open_connection& operator=(const open_connection&) = delete;
  ~open_connection() {
    if (counts_ != nullptr) counts_->remove_connection();
  }

  request_counts* counts_;
};

/// Not in the frame: most connections are idle.
struct exchange_owner {
  explicit exchange_owner(connection& c) : it(std::make_unique<h1_exchange>(c)) {}

  std::unique_ptr<h1_exchange> it;
};

/// Answers the requests of HTTP/1 that come on a stream, and closes it. The one frame of an idle connection: what is
/// needed only while there is a request, or for the end, is in others.
template <class Stream>
task<> serve_h1(Stream stream, server_state& state) {
  constexpr unsigned most_in_a_row = 64;
  const open_connection open(state);
  connection c(stream, state);
  after what = after::close;
  for (unsigned requests = 0;; ++requests) {
    if (c.in.empty()) c.in.refill(c.stream.try_read_some());
    if (c.in.empty()) {
      if (!c.out.empty() && !c.flush_at_once()) {
        const bool sent = co_await c.flush();
        if (!sent) break;
      }
      const duration limit = requests == 0 ? state.limits.first_byte : state.limits.idle;
      const bool came = co_await request_wait(c, limit);
      if (!came) co_await read_last(c, limit);
      if (c.in.empty()) break;
    }
    if (requests % most_in_a_row == most_in_a_row - 1) co_await yield();  // a client that always has more is not alone
    const exchange_owner owner(c);
    const rest left = answer_at_once(c, *owner.it, what);
    if (left != rest::nothing) what = co_await serve_rest(c, *owner.it, left);
    if (what != after::reuse) break;
  }
  co_await end_connection(c, what);
}

}  // namespace wring::http::detail
