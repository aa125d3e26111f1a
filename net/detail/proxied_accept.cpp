// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <cerrno>

#include <wring/core/log.hpp>
#include <wring/core/scheduler.hpp>
#include <wring/net/detail/proxied_accept.hpp>

namespace wring::net::detail {

namespace {

constexpr const char* what = "read a PROXY header";
/// At least so long between two records, since anybody can cause them.
constexpr std::int64_t quiet_time = 1'000'000'000;

}  // namespace

void proxy_rules::require_trust(const socket_address& proxy) {
  // Who may connect to a Unix socket is decided by its file's permissions.
  if (proxy.is_unix()) return;
  const bool trusted = proxy.is_ip() && std::ranges::any_of(trusted_, [ip = proxy.ip()](const ip_network& network) {
                         return network.contains(ip);
                       });
  if (!trusted) {
    error::from_errno(EACCES, what)
        .with_address(proxy)
        .with_detail("it is not among the proxies that are trusted")
        .raise();
  }
}

void proxy_rules::dropped(const error_address& proxy, const error& reason) noexcept {
  // A connection that says nothing is how load balancers see whether the port is open.
  const bool is_nothing = reason == errc::unexpected_eof && reason.count() == 0U;
  const std::int64_t now = scheduler::current().clock_now();
  if (is_nothing || now < quiet_until_) {
    if (!is_nothing) ++not_told_;
    log::debug("a connection was dropped for its PROXY header", {"peer", proxy}, {"error", reason});
    return;
  }
  quiet_until_ = now + quiet_time;
  log::warn("a connection was dropped for its PROXY header", {"peer", proxy}, {"error", reason},
            {"others_not_logged", std::exchange(not_told_, 0)});
}

task<buffer_lease> read_proxy_header(stream_ref from, proxy_parser& parser, bool exactly) {
  std::array<std::byte, 256> room;
  for (;;) {
    buffer_lease chunk;
    std::span<const std::byte> got;
    if (exactly) {
      const std::size_t count = co_await from.read(std::span(room).first(std::min(parser.missing(), room.size())));
      got = std::span(room).first(count);
    } else {
      chunk = co_await from.read_some();
      got = chunk;
    }
    if (got.empty()) {
      error(errc::unexpected_eof, what).with_address(from.peer_address()).with_count(parser.size()).raise();
    }
    const auto used = parser.feed(got);
    if (!used) used.error().with_address(from.peer_address()).raise();
    if (!parser.done()) continue;
    if (exactly) co_return buffer_lease();
    chunk.consume(*used);
    co_return chunk;
  }
}

}  // namespace wring::net::detail
