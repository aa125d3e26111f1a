// SPDX-License-Identifier: MIT
#pragma once

#include <wring/core/error.hpp>

namespace wring::net {

/// Is told by a stream what arrives from the peer while no task reads, see `stream`: for code that must notice that a
/// peer has disconnected while it works on an answer, or that looks at arriving bytes without a waiting task.
///
/// Its functions are called in the scheduler's turn, from `watch` too, but not from `try_read_some`. They may queue
/// tasks, cancel scopes, post to an outbox, call `watch` and abort the stream; they must not run coroutines nor destroy
/// the stream.
class stream_observer {
 public:
  /// Bytes have arrived that no task was waiting for, and can be read now.
  virtual void arrived() noexcept = 0;
  /// Nothing more will arrive: the peer has ended the stream (null), or the connection has failed. Bytes that arrived
  /// before may still be unread. Called once; not called when the stream is closed on this side.
  virtual void ended(const error* fault) noexcept = 0;

 protected:
  ~stream_observer() = default;
};

}  // namespace wring::net
