// SPDX-License-Identifier: MIT
#pragma once

#include <wring/core/detail/awaiting/wait_list.hpp>

namespace wring::net::detail {

/// What waits for its turn to send on a socket, and then has it: the write of a task, or bytes that were posted. Most
/// writes end before they need a turn, so making one costs nothing: what is to be called comes with it when it is
/// queued.
class send_entry : public wring::detail::wait_link {
 public:
  /// What a side calls.
  struct functions {
    /// Its turn. True: it has ended; otherwise `send_side::send_ended` follows.
    bool (*send)(send_entry&) noexcept;
    /// The socket can no longer be written to, and it has not had its turn. It is in no list any more.
    void (*refuse)(send_entry&) noexcept;
    /// The socket is being closed in its turn. True: it has ended; otherwise `send_side::send_ended` follows soon.
    bool (*interrupt)(send_entry&) noexcept;
    bool is_task;  ///< a task is suspended on it
  };

 protected:
  send_entry() noexcept : wait_link(unset()) {}
  ~send_entry() = default;

 private:
  friend class send_side;
  const functions* functions_;
};

}  // namespace wring::net::detail
