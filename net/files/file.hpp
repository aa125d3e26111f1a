// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <wring/core/detail/export.hpp>
#include <wring/core/task.hpp>
#include <wring/net/files/detail/file_wait.hpp>
#include <wring/net/files/file_options.hpp>
#include <wring/net/files/file_status.hpp>

namespace wring::net {

namespace detail {
struct file_access;
}

/// An open file: a regular one, or a block device. FIFOs, sockets and terminals are streams, and refused by
/// `open_file`.
///
/// It is a `byte_source` and a `byte_sink`, whose reads and writes share one position, and can be read and written
/// anywhere by `read_at` and `write_at`, by several tasks at once. What is written can be read at once, and is on the
/// disk after `sync()`.
///
///     net::file log = co_await net::open_file("/var/log/app.log", {.read = false, .append = true, .create = true});
///     co_await log.write_all("started\n");
///
/// On io_uring the kernel carries operations out, reads of cached pages at once; on epoll, which has nothing for files,
/// threads of `thread_pool::files()` do. A cancelled operation that the disk has begun is waited for.
///
/// Movable; closed when it is destroyed, and then errors that `close()` would report are lost. If a task is suspended
/// on it then, the process ends. One thread. Faults are thrown as io_error with the path in its text, or returned by
/// `.result()` with the path's end.
class WRING_API file {
 public:
  /// A closed one: operations fail with errc::closed.
  file() noexcept = default;
  file(file&& other) noexcept = default;
  /// Swaps.
  file& operator=(file&& other) noexcept {
    state_.swap(other.state_);
    return *this;
  }
  ~file();

  /// Reads bytes from `offset` on, into `into`, which must stay valid until it has ended: at least one, and fewer than
  /// there is room for only at the end, or as the system likes (it reads at most 1 GiB at once). Returns their number;
  /// 0 at the end of the file. Returning: cancelled, `into` may have been written to.
  [[nodiscard]] auto read_at(std::uint64_t offset, std::span<std::byte> into) noexcept {
    return detail::file_read_wait(state_.get(), offset, into);
  }
  /// Writes all bytes, from `offset` on, or at the end if the file was opened to append. They must stay unchanged until
  /// it has ended. Delivering: a write that was complete when it was cancelled counts; otherwise a part of it may have
  /// been written.
  [[nodiscard]] auto write_at(std::uint64_t offset, std::span<const std::byte> bytes) noexcept {
    return detail::file_write_wait(state_.get(), bytes, offset);
  }
  [[nodiscard]] auto write_at(std::uint64_t offset, std::string_view text) noexcept {
    return write_at(offset, std::as_bytes(std::span(text)));
  }

  /// See `byte_source`: the next bytes from `position()` on, at most 64 KiB. errc::busy while another task reads or
  /// writes at the position.
  [[nodiscard]] auto read_some() noexcept { return detail::file_lease_wait(state_.get()); }
  /// See `byte_sink`: at `position()`.
  [[nodiscard]] auto write_all(std::span<const std::byte> bytes) noexcept {
    return detail::file_write_wait(state_.get(), bytes);
  }
  [[nodiscard]] auto write_all(std::string_view text) noexcept { return write_all(std::as_bytes(std::span(text))); }
  /// See `byte_sink`. Writes nothing to the disk: `sync()` does.
  [[nodiscard]] auto shut_down_write() noexcept { return detail::file_end_wait(state_.get()); }

  /// Where read_some and write_all continue, in bytes from the beginning. 0 at first.
  [[nodiscard]] std::uint64_t position() const noexcept { return state_ == nullptr ? 0 : state_->position; }
  /// Continues there. Not while a task reads or writes at the position.
  void seek(std::uint64_t offset) noexcept;

  /// Returns when all that has been written is on the disk, with the file's size and times: fsync(2). After a fault,
  /// what was written since the last successful sync may be lost, and syncing again does not help. Delivering.
  [[nodiscard]] auto sync() noexcept { return detail::file_sync_wait(state_.get()); }

  /// What the system says of the file. As the next two, it is a job of `thread_pool::files()`, which is waited for when
  /// it is cancelled, and fails as `offload` does, too.
  [[nodiscard]] task<file_status> status();
  /// Shortens or extends (with zeros) the file to `size` bytes. The position stays.
  [[nodiscard]] task<> truncate(std::uint64_t size);
  /// Closes the file, and throws what the system reports then: on some file systems, that something written before
  /// could not be stored. errc::busy while a task is suspended on it. Closed already: does nothing.
  [[nodiscard]] task<> close();

  /// As it was opened; empty for one without a name. Of a moved-from file, empty.
  [[nodiscard]] std::string_view path() const noexcept;
  /// Borrowed; -1 if it is closed.
  [[nodiscard]] int native_handle() const noexcept { return state_ == nullptr ? -1 : state_->fd.get(); }

  /// Takes over a descriptor of a regular file or block device, which `path` names in errors.
  [[nodiscard]] static file adopt(descriptor fd, std::string path);

 private:
  friend struct detail::file_access;
  explicit file(std::unique_ptr<detail::file_state> state) noexcept : state_(std::move(state)) {}

  std::unique_ptr<detail::file_state> state_;
};

/// Opens a file, as `options` say. Throws io_error with the path: what the system says, EINVAL for what is neither a
/// regular file nor a block device (and for options that contradict each other), EISDIR for a directory.
///
/// Opening is a job of `thread_pool::files()`, which is waited for when it is cancelled, and fails as `offload` does,
/// too. Delivering.
[[nodiscard]] WRING_API task<file> open_file(std::string path, file_options options = {});

/// Makes an empty file to be written, or empties the one that is there: open_file for `write`, `create` and `truncate`.
/// To replace a file whose readers must never see a part, see `temporary_file`.
[[nodiscard]] WRING_API task<file> create_file(std::string path, unsigned mode = 0666);

namespace detail {

/// Reaches into a `file`.
struct file_access {
  [[nodiscard]] static file_state* state_of(file& f) noexcept { return f.state_.get(); }
};

}  // namespace detail

}  // namespace wring::net
