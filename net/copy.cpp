// SPDX-License-Identifier: MIT
#include <span>
#include <utility>

#include <wring/net/copy.hpp>
#include <wring/net/detail/socket_forward_wait.hpp>
#include <wring/net/detail/stream_socket.hpp>

namespace wring::net {

namespace {

task<copy_outcome> copy_any(byte_source_ref from, byte_sink_ref to, copy_options options) {
  copy_outcome outcome;
  while (outcome.bytes != options.limit) {
    auto chunk = co_await from.read_some().result();
    if (!chunk) {
      outcome.end = copy_end::source_failed;
      outcome.error = chunk.error();
      co_return outcome;
    }
    if (chunk->empty()) co_return outcome;
    std::span<const std::byte> next(*chunk);
    if (next.size() > options.limit - outcome.bytes) next = next.first(options.limit - outcome.bytes);
    const auto written = co_await to.write_all(next).result();
    if (!written) {
      outcome.end = copy_end::sink_failed;
      outcome.error = written.error();
      outcome.unwritten = std::move(*chunk);
      co_return outcome;
    }
    outcome.bytes += next.size();
    if (next.size() == chunk->size()) continue;
    chunk->consume(next.size());
    outcome.unwritten = std::move(*chunk);
  }
  outcome.end = copy_end::limit_reached;
  co_return outcome;
}

task<copy_outcome> copy_between(detail::stream_socket& from, detail::stream_socket& to, copy_options options) {
  copy_outcome outcome;
  if (options.limit == 0) {
    outcome.end = copy_end::limit_reached;
    co_return outcome;
  }
  bool more = true;
  while (more) more = co_await detail::socket_forward_wait(from, to, outcome, options.limit);
  co_return outcome;
}

}  // namespace

task<copy_outcome> copy(byte_source_ref from, byte_sink_ref to, copy_options options) {
  detail::stream_socket* const source = detail::stream_access::socket_of(from);
  detail::stream_socket* const sink = detail::stream_access::socket_of(to);
  if (source != nullptr && sink != nullptr) return copy_between(*source, *sink, options);
  return copy_any(from, to, options);
}

}  // namespace wring::net
