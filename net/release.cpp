// SPDX-License-Identifier: MIT
#include <wring/net/detail/refused_release.hpp>
#include <wring/net/memory_stream.hpp>
#include <wring/net/release.hpp>
#include <wring/net/tcp_stream.hpp>
#include <wring/net/unix_stream.hpp>

namespace wring::net {

task<released_connection> release(stream_ref stream) {
  if (auto* const tcp = stream.target<tcp_stream>(); tcp != nullptr) return tcp->release();
  if (auto* const local = stream.target<unix_stream>(); local != nullptr) return local->release();
  const char* reason = "it is neither a TCP nor a Unix socket";
  if (stream.target<memory_stream>() != nullptr) reason = "both ends of a stream in memory belong to one thread";
  if (stream.security() != nullptr) reason = "TLS stays on its thread: hand the connection over before the handshake";
  return detail::refused_release(stream.peer_address(), reason);
}

}  // namespace wring::net
