// SPDX-License-Identifier: MIT
#pragma once

#include <wring/core/error.hpp>

namespace wring::net {

/// Is told by a stream what comes from the peer while no task reads, see `stream`: for what must notice that a peer has
/// gone while it works on an answer, or look at what comes without a task that waits for it.
///
/// Its functions are called in the scheduler's turn, from `watch` too. They may queue tasks, cancel scopes, post to an
/// outbox, call `watch` and abort the stream; they must not run coroutines nor destroy it.
class stream_observer {
 public:
  /// Bytes have come that no task was waiting for, and can be read now.
  virtual void arrived() noexcept = 0;
  /// Nothing more will come: the peer has ended the stream (null), or the connection has failed. Bytes that came before
  /// may still be there to be read. Called once; closing the stream on this side is no reason to call it.
  virtual void ended(const error* fault) noexcept = 0;

 protected:
  ~stream_observer() = default;
};

}  // namespace wring::net
