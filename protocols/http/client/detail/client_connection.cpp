// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <utility>

#include <wring/core/timeout.hpp>
#include <wring/protocols/http/client/detail/client_connection.hpp>

namespace wring::http::detail {

namespace {

constexpr std::size_t most_sent_at_once = std::size_t{64} * 1024;

/// `e`, with the limit that it was overdue by.
error told(const error& e, const char* limit) noexcept { return e == errc::timed_out ? e.with_detail(limit) : e; }

}  // namespace

task<result<bool>> client_connection::read_until(steady_clock::time_point deadline) {
  in.refill(stream.try_read_some());
  if (!in.empty()) co_return true;
  auto got = co_await with_deadline(deadline, stream.read_some()).result();
  if (!got) co_return got.error();
  in.refill(std::move(*got));
  co_return !in.empty();
}

task<result<>> client_connection::send(std::span<const std::span<const std::byte>> parts) {
  constexpr const char* limit = "client_limits::request_progress";
  std::size_t total = out.size();
  for (const auto& part : parts) total += part.size();
  if (total <= worth_joining) {
    out.append(parts, total - out.size());
    parts = {};
  }
  const buffer_lease first = out.take();
  if (parts.empty() && total <= most_sent_at_once) {
    const std::span<const std::byte> whole(first.data(), first.size());
    const auto sent = co_await with_timeout(limits.request_progress, stream.write_all(whole)).result();
    if (!sent) co_return told(sent.error(), limit);
    co_return result<>();
  }
  std::array<std::span<const std::byte>, 4> all;
  all[0] = {first.data(), first.size()};
  if (parts.size() < all.size() && total <= most_sent_at_once) {
    std::ranges::copy(parts, all.begin() + 1);
    const std::span<const std::span<const std::byte>> pieces(all.data(), parts.size() + 1);
    const auto sent = co_await with_timeout(limits.request_progress, stream.write_all(pieces)).result();
    if (!sent) co_return told(sent.error(), limit);
    co_return result<>();
  }
  std::span<const std::byte> rest = all[0];
  for (std::size_t next = 0;;) {
    while (!rest.empty()) {
      const auto piece = rest.first(std::min(rest.size(), most_sent_at_once));
      const auto sent = co_await with_timeout(limits.request_progress, stream.write_all(piece)).result();
      if (!sent) co_return told(sent.error(), limit);
      rest = rest.subspan(piece.size());
    }
    if (next == parts.size()) break;
    rest = parts[next++];
  }
  co_return result<>();
}

void client_connection::rest(void (*lost)(void*) noexcept, void* owner) noexcept {
  lost_ = lost;
  owner_ = owner;
  idle_ = true;
  stream.watch(this);
}

bool client_connection::wake() noexcept {
  idle_ = false;
  stream.watch(nullptr);
  return usable_ && stream.received_ahead() == 0;
}

void client_connection::spoil() noexcept {
  if (!usable_) return;
  usable_ = false;
  lost_(owner_);
}

}  // namespace wring::http::detail
