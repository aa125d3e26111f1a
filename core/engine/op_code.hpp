// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace wring {

/// What an operation does. `docs/design/engine.md` has a row for each.
enum class op_code : std::uint8_t {
  accept_multishot,           ///< fd, data = accepted_address or null; each completion is a descriptor (close-on-exec)
  connect,                    ///< fd, data = sockaddr, length = its size
  receive,                    ///< fd, data, length, flags = MSG_*
  receive_multishot,          ///< fd, flags = POLLRDHUP of Unix sockets; each completion carries a pool buffer
  receive_message,            ///< fd, data = msghdr, flags = MSG_*
  receive_message_multishot,  ///< fd, data = message_buffers, flags = MSG_*; each completion carries one of these
  send,                       ///< fd, data, length, flags = MSG_*
  send_message,               ///< fd, data = msghdr, flags = MSG_*
  poll,                       ///< fd, flags = POLL*; one completion with the ready events
  poll_multishot,             ///< fd, flags = POLL*; a completion for each change
  open,                       ///< fd = directory or AT_FDCWD, data = path, flags = O_*, offset = mode
  read,                       ///< fd, data, length, offset (-1: the file position)
  write,                      ///< fd, data, length, offset (-1: the file position)
  sync,                       ///< fd; fsync(2)
};
inline constexpr std::size_t op_codes = static_cast<std::size_t>(op_code::sync) + 1;

/// What an operation waits for before it can be carried out.
enum class op_direction : std::uint8_t {
  none,    ///< nothing: it is carried out, by a thread if that takes time
  input,   ///< that something can be read or accepted
  output,  ///< room to write, or the end of a connect
  asked,   ///< what its flags say
};

/// What holds for all operations of one code.
struct op_facts {
  const char* name;  ///< for people: "receive", for one-shot and multishot
  bool multishot;    ///< completions may come before the terminal one
  op_direction direction;
  bool may_block;  ///< in the kernel, with files: no attempt without waiting is possible
};

/// The facts, by code.
inline constexpr std::array<op_facts, op_codes> all_op_facts{{
    {"accept", true, op_direction::input, false},
    {"connect", false, op_direction::output, false},
    {"receive", false, op_direction::input, false},
    {"receive", true, op_direction::input, false},
    {"receive message", false, op_direction::input, false},
    {"receive message", true, op_direction::input, false},
    {"send", false, op_direction::output, false},
    {"send", false, op_direction::output, false},
    {"poll", false, op_direction::asked, false},
    {"poll", true, op_direction::asked, false},
    {"open", false, op_direction::none, true},
    {"read", false, op_direction::input, true},
    {"write", false, op_direction::output, true},
    {"sync", false, op_direction::none, true},
}};

[[nodiscard]] constexpr const op_facts& facts_of(op_code code) noexcept {
  return all_op_facts[static_cast<std::size_t>(code)];
}

/// "receive", "accept", ... of one-shot and multishot the same
[[nodiscard]] constexpr const char* to_string(op_code code) noexcept { return facts_of(code).name; }

}  // namespace wring
