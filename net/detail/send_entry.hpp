// SPDX-License-Identifier: MIT
#pragma once

#include <wring/core/detail/awaiting/wait_list.hpp>

namespace wring::net::detail {

/// What waits for its turn to send on a socket, and then has it: the write of a task, or bytes that were posted.
class send_entry : public wring::detail::wait_link {
 public:
  /// A task is suspended on it.
  [[nodiscard]] virtual bool is_task() const noexcept = 0;

 protected:
  send_entry() noexcept = default;
  ~send_entry() = default;

 private:
  friend class send_side;

  /// Its turn. True: it has ended; otherwise `send_side::send_ended` follows.
  [[nodiscard]] virtual bool send() noexcept = 0;
  /// The socket can no longer be written to, and it has not had its turn. It is in no list any more.
  virtual void refuse() noexcept = 0;
  /// The socket is being closed in its turn. True: it has ended; otherwise `send_side::send_ended` follows soon.
  [[nodiscard]] virtual bool interrupt() noexcept = 0;
};

}  // namespace wring::net::detail
