// SPDX-License-Identifier: MIT
#include <algorithm>

#include <wring/protocols/http/detail/request_counts.hpp>

namespace wring::http::detail {

void request_counts::add_request(method m, int status, std::int64_t elapsed, std::uint64_t body,
                                 std::uint64_t answer) noexcept {
  const std::size_t outcome = status == 0 ? outcomes - 1 : static_cast<std::size_t>(status / 100 - 1);
  requests[static_cast<std::size_t>(m)][outcome].add(1);
  const auto range = std::ranges::lower_bound(range_ends, elapsed) - range_ends.begin();
  durations[static_cast<std::size_t>(range)].add(1);
  nanoseconds.add(static_cast<std::uint64_t>(elapsed));
  if (body != 0) received.add(body);
  sent.add(answer);
}

void request_counts::copy_connections() noexcept {
  if (connections_ == nullptr) return;
  const net::serve_counters& c = *connections_;
  accepted.set(c.accepted);
  not_established.set(c.not_established);
  over_peer_limit.set(c.over_peer_limit);
  served.set(c.served);
  failed.set(c.failed);
  peer_gone.set(c.peer_gone);
  cut.set(c.cut);
  refused.set(c.refused);
}

}  // namespace wring::http::detail
