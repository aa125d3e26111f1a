// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

#include <wring/core/detail/export.hpp>
#include <wring/net/descriptor.hpp>
#include <wring/net/files/detail/pipe_wait.hpp>

namespace wring::net {

/// The end of a pipe that is read, or what else can only be read: standard input, the output of a `process`. It is a
/// `byte_source`, which continues to wait until something comes.
///
/// Movable; closed when it is destroyed. If a task is suspended on it then, the process ends. One thread. One task may
/// read at a time, another one's read fails with errc::busy.
class WRING_API pipe_reader {
 public:
  /// A closed one: operations fail with errc::closed.
  pipe_reader() noexcept = default;
  pipe_reader(pipe_reader&& other) noexcept = default;
  /// Swaps.
  pipe_reader& operator=(pipe_reader&& other) noexcept {
    state_.swap(other.state_);
    return *this;
  }
  ~pipe_reader();

  /// See `byte_source`: the next bytes, at most 64 KiB. The end comes when nobody has the other end open any more.
  [[nodiscard]] auto read_some() noexcept { return detail::pipe_read_wait<buffer_lease>(state_.get()); }
  /// The same into the caller's memory. Returns how many: 0 at the end, and at once for an empty span.
  [[nodiscard]] auto read(std::span<std::byte> into) noexcept {
    return detail::pipe_read_wait<std::size_t>(state_.get(), into);
  }
  /// Closes it: a read that waits fails with errc::closed, and whoever writes gets EPIPE. Closed already: does nothing.
  [[nodiscard]] auto close() noexcept { return detail::pipe_close_wait(state_.get()); }

  [[nodiscard]] bool is_open() const noexcept { return state_ != nullptr && state_->is_open(); }
  /// Borrowed; -1 if it is closed.
  [[nodiscard]] int native_handle() const noexcept { return is_open() ? state_->fd.get() : -1; }
  /// Passes the descriptor to the caller, blocking, as other programs expect it; this is closed then. Bytes that were
  /// read and not delivered are lost. Throws io_error with errc::busy while a task reads.
  [[nodiscard]] descriptor release();

  /// Reads what the descriptor refers to: a pipe, a terminal, a socket, a file. The descriptor stays the caller's,
  /// open, and in its mode: O_NONBLOCK would be seen by all processes that share it, so that a pipe or terminal is
  /// opened a second time (by /proc/self/fd), and a socket asked not to wait by flags. What cannot be opened again and
  /// is shared with other readers may hold a thread while another was faster. `name` stands in errors, cut to 22 bytes.
  /// Throws io_error.
  [[nodiscard]] static pipe_reader of(int fd, std::string_view name = "pipe");

 private:
  friend struct detail::pipe_ends;
  explicit pipe_reader(std::unique_ptr<detail::pipe_read_state> state) noexcept : state_(std::move(state)) {}

  std::unique_ptr<detail::pipe_read_state> state_;
};

/// The end of a pipe that is written, or what else can only be written: standard output, the input of a `process`. It
/// is a `byte_sink`. Writes of several tasks queue, and each is contiguous. If nobody has the other end open, they fail
/// with EPIPE; outside of `run` the process gets SIGPIPE first, see docs/guide/signals.md.
///
/// Otherwise as pipe_reader.
class WRING_API pipe_writer {
 public:
  /// A closed one: operations fail with errc::closed.
  pipe_writer() noexcept = default;
  pipe_writer(pipe_writer&& other) noexcept = default;
  /// Swaps.
  pipe_writer& operator=(pipe_writer&& other) noexcept {
    state_.swap(other.state_);
    return *this;
  }
  ~pipe_writer();

  /// See `byte_sink`. The second form writes several pieces as if they were one.
  [[nodiscard]] auto write_all(std::span<const std::byte> bytes) noexcept {
    return detail::pipe_write_wait(state_.get(), bytes);
  }
  [[nodiscard]] auto write_all(std::span<const std::span<const std::byte>> parts) noexcept {
    return detail::pipe_write_wait(state_.get(), parts);
  }
  [[nodiscard]] auto write_all(std::string_view text) noexcept { return write_all(std::as_bytes(std::span(text))); }
  /// See `byte_sink`. Of a pipe, the reader sees the end after what was written, unless somebody else has this end
  /// open.
  [[nodiscard]] auto shut_down_write() noexcept { return detail::pipe_write_wait(state_.get()); }
  /// Closes it: writes that wait fail with errc::closed. Closed already: does nothing.
  [[nodiscard]] auto close() noexcept { return detail::pipe_close_wait(state_.get()); }

  [[nodiscard]] bool is_open() const noexcept { return state_ != nullptr && state_->is_open(); }
  /// Borrowed; -1 if it is closed.
  [[nodiscard]] int native_handle() const noexcept { return is_open() ? state_->fd.get() : -1; }
  /// See pipe_reader::release: errc::busy while a task writes.
  [[nodiscard]] descriptor release();

  /// Writes to what the descriptor refers to. See pipe_reader::of.
  [[nodiscard]] static pipe_writer of(int fd, std::string_view name = "pipe");

 private:
  friend struct detail::pipe_ends;
  explicit pipe_writer(std::unique_ptr<detail::pipe_write_state> state) noexcept : state_(std::move(state)) {}

  std::unique_ptr<detail::pipe_write_state> state_;
};

/// A pipe: what is written to the second is read from the first. The kernel keeps 64 KiB between them. Throws io_error.
///
///     auto [reader, writer] = net::make_pipe();
[[nodiscard]] WRING_API std::pair<pipe_reader, pipe_writer> make_pipe();

/// The process's standard streams, whatever they are: pipes, terminals, files, sockets. They stay open and as they are,
/// also when what is returned is closed or destroyed: the descriptors 0, 1 and 2 belong to all of the process, and
/// maybe to the shell it was started from. Each call makes a new one, so make one of each: what one has read, another
/// does not get. Throws io_error: EBADF for one that is closed.
///
///     net::pipe_writer out = net::standard_output();
///     co_await out.write_all("done\n");
[[nodiscard]] WRING_API pipe_reader standard_input();
[[nodiscard]] WRING_API pipe_writer standard_output();
[[nodiscard]] WRING_API pipe_writer standard_error();

}  // namespace wring::net
