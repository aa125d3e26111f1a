// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <utility>

#include <wring/core/detail/export.hpp>
#include <wring/core/engine/pipe_calls.hpp>
#include <wring/core/error.hpp>
#include <wring/net/descriptor.hpp>
#include <wring/net/detail/receive_queue.hpp>

namespace wring::net {

class pipe_reader;
class pipe_writer;

}  // namespace wring::net

namespace wring::net::detail {

class pipe_close_wait;
class pipe_wait;
class pipe_write_wait;

/// What both ends of pipes have in common.
struct WRING_API pipe_end_state {
  pipe_end_state(descriptor opened, wring::detail::pipe_access how, error_address text) noexcept
      : fd(std::move(opened)), access(how), name(text) {}

  [[nodiscard]] bool is_open() const noexcept { return !closing && fd.get() >= 0; }
  [[nodiscard]] error fault(int number, const char* operation) const noexcept {
    return error::from_errno(number, operation).with_address(name);
  }
  [[nodiscard]] error fault(errc code, const char* operation) const noexcept {
    return error(code, operation).with_address(name);
  }
  /// Closes it, or has its operation end and returns false: it is closed then. Closed already: does nothing.
  bool close() noexcept;
  /// Its operation has ended.
  void settle() noexcept;

  descriptor fd;
  const wring::detail::pipe_access access;
  const error_address name;     ///< for errors
  pipe_wait* active = nullptr;  ///< whose operation is in flight
  pipe_close_wait* closer = nullptr;
  bool closing = false;
  bool hang_up_is_end = false;  ///< of a terminal: EIO says that nobody has the other side open
};

/// What a `pipe_reader` owns.
struct pipe_read_state : pipe_end_state {
  using pipe_end_state::pipe_end_state;

  receive_queue front;  ///< bytes that were read and not delivered
  bool at_end = false;
  bool lost = false;  ///< there was no memory to keep them
};

/// What a `pipe_writer` owns.
struct WRING_API pipe_write_state : pipe_end_state {
  using pipe_end_state::pipe_end_state;

  void append(pipe_write_wait& w) noexcept;
  void remove(pipe_write_wait& w) noexcept;
  /// The first of those that wait begins; those that end at once are taken out.
  void next_turn() noexcept;

  pipe_write_wait* first = nullptr;  ///< those that wait, in order
  pipe_write_wait* last = nullptr;
  bool torn = false;
  bool ended = false;  ///< by shut_down_write
};

/// Makes ends of pipes of descriptors that were opened with O_NONBLOCK for that, and reaches into them.
struct WRING_API pipe_ends {
  [[nodiscard]] static pipe_reader reader(descriptor fd, wring::detail::pipe_access how, const error_address& name,
                                          bool hang_up_is_end = false);
  [[nodiscard]] static pipe_writer writer(descriptor fd, wring::detail::pipe_access how, const error_address& name);
  [[nodiscard]] static pipe_end_state* state_of(pipe_reader& r) noexcept;
  [[nodiscard]] static pipe_end_state* state_of(pipe_writer& w) noexcept;
};

}  // namespace wring::net::detail
