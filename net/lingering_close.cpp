// SPDX-License-Identifier: MIT
#include <optional>
#include <utility>

#include <wring/core/buffer_lease.hpp>
#include <wring/core/timeout.hpp>
#include <wring/net/lingering_close.hpp>

namespace wring::net {

namespace {

/// Whether the peer has ended its side.
task<bool> drop_the_rest(stream_ref stream, linger_options options) {
  const auto told = co_await stream.shut_down_write().result();
  if (!told) co_return false;
  for (std::uint64_t left = options.bytes;;) {
    auto got = co_await move_on_after(options.idle, stream.read_some()).result();
    if (!got || !*got) co_return false;
    const buffer_lease chunk = std::move(**got);
    if (chunk.empty()) co_return true;
    if (chunk.size() > left) co_return false;
    left -= chunk.size();
  }
}

}  // namespace

task<bool> lingering_close(stream_ref stream, linger_options options) {
  const std::optional<bool> ended = co_await move_on_after(options.time, drop_the_rest(stream, options));
  static_cast<void>(co_await stream.close().result());
  co_return ended.value_or(false);
}

}  // namespace wring::net
