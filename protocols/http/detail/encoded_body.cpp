// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include <wring/core/buffer_lease.hpp>
#include <wring/core/scheduler.hpp>
#include <wring/core/this_task.hpp>
#include <wring/protocols/http/content/encoder.hpp>
#include <wring/protocols/http/detail/encoded_body.hpp>
#include <wring/protocols/http/detail/exchange.hpp>

namespace wring::http::detail {

namespace {

constexpr std::size_t block_size = std::size_t{16} * 1024;
/// So much is encoded before others have their turn.
constexpr std::size_t step_size = std::size_t{64} * 1024;

/// Encodes one piece, and writes what comes of it.
task<> write_piece(exchange& x, buffer_lease& block, std::size_t& filled, std::span<const std::byte> data,
                   encoder::until what) {
  for (;;) {
    const std::span<std::byte> room(block.data() + filled, block.size() - filled);
    const std::span<const std::byte> step = data.first(std::min(data.size(), step_size));
    const bool last = step.size() == data.size();
    const encoder::progress p = x.out.encoder->encode(step, room, last ? what : encoder::until::more);
    data = data.subspan(p.taken);
    filled += p.made;
    if (p.done && last) co_return;
    if (p.done) {
      co_await yield();
    } else {
      co_await x.write_body(std::span<const std::byte>(block.data(), filled));
      filled = 0;
    }
  }
}

task<> write_rest(exchange& x, const buffer_lease& block, std::size_t filled) {
  return x.write_body(std::span<const std::byte>(block.data(), filled));
}

}  // namespace

bool begin_encoding(exchange& x, response& rs) {
  outgoing& out = x.out;
  if (out.encoder == nullptr || out.encoding) return out.encoding;
  if (!out.head_sent && out.encoder->begin(rs)) {
    out.length.reset();
    out.encoding = true;
    return true;
  }
  out.encoder = nullptr;
  return false;
}

task<> write_encoded(exchange& x, response& rs, std::span<const std::byte> data) {
  const std::array<std::span<const std::byte>, 1> parts{data};
  co_await write_encoded(x, rs, std::span<const std::span<const std::byte>>(parts));
}

task<> write_encoded(exchange& x, response& rs, std::span<const std::span<const std::byte>> parts) {
  if (!begin_encoding(x, rs)) {
    co_await x.write_body(parts);
    co_return;
  }
  const bool nothing = std::ranges::all_of(parts, [](const auto& part) { return part.empty(); });
  if (nothing || x.in.method == method::head) {
    co_await x.write_body(std::span<const std::byte>());
    co_return;
  }
  buffer_lease block = scheduler::current().blocks().acquire(block_size);
  std::size_t filled = 0;
  for (const auto& part : parts) co_await write_piece(x, block, filled, part, encoder::until::more);
  co_await write_piece(x, block, filled, {}, encoder::until::now);
  co_await write_rest(x, block, filled);
}

task<> end_encoded(exchange& x) {
  if (x.out.ended) co_return;
  if (x.out.head_sent && x.out.encoding && x.in.method != method::head) {
    buffer_lease block = scheduler::current().blocks().acquire(block_size);
    std::size_t filled = 0;
    co_await write_piece(x, block, filled, {}, encoder::until::end);
    co_await write_rest(x, block, filled);
  }
  if (x.out.head_sent) x.out.encoder = nullptr;
  co_await x.end_body();
}

task<> complete_encoding(exchange& x, response& rs) {
  if (x.out.head_sent) {
    co_await end_encoded(x);
    co_return;
  }
  if (x.out.body.empty() || x.out.error_page || !begin_encoding(x, rs)) co_return;
  const std::span<const std::byte> all = std::as_bytes(std::span(x.out.body));
  std::string encoded;
  std::size_t size = 0;
  for (std::size_t at = 0;;) {
    const std::span<const std::byte> step = all.subspan(at, std::min(all.size() - at, step_size));
    const bool last = at + step.size() == all.size();
    encoded.resize(std::max(size + block_size, encoded.size()));
    const std::span<std::byte> room = std::as_writable_bytes(std::span(encoded)).subspan(size);
    const encoder::progress p = x.out.encoder->encode(step, room, last ? encoder::until::end : encoder::until::more);
    at += p.taken;
    size += p.made;
    if (p.done && last) break;
    if (p.done) co_await yield();
  }
  encoded.resize(size);
  x.out.owned_body = std::move(encoded);
  x.out.body = x.out.owned_body;
  x.out.shared_body = {};
}

}  // namespace wring::http::detail
