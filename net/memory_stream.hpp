// SPDX-License-Identifier: MIT
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

#include <wring/core/detail/export.hpp>
#include <wring/core/duration.hpp>
#include <wring/net/detail/memory_close_wait.hpp>
#include <wring/net/detail/memory_read_wait.hpp>
#include <wring/net/detail/memory_write_wait.hpp>
#include <wring/net/detail/stream_table.hpp>

namespace wring::net {

/// How a pair of memory streams behaves, both ways.
struct memory_stream_options {
  std::size_t capacity = std::size_t{64} * 1024;  ///< bytes that may be written and not be read; writers wait beyond it
  std::size_t read_chunk = unlimited;             ///< the most bytes a read returns, at least one
  std::uint64_t chunk_seed = 0;                   ///< not 0: a read returns 1 to read_chunk bytes, drawn from this seed
  duration delay = {};                            ///< how long bytes, and the end of the stream, are under way
};

/// One end of a connection within the process: a `stream` that touches no kernel, for tests and for wiring up protocols
/// back to back. Made in pairs by `make_memory_stream_pair`. It can deliver bytes in awkward pieces, delay them (by the
/// scheduler's clock, which tests can hold) and fail on demand.
///
/// Movable; closed when it is destroyed, and when moved from. If a task is suspended on it then, the process ends. Both
/// ends belong to one thread.
class WRING_API memory_stream {
 public:
  memory_stream(memory_stream&& other) noexcept = default;
  memory_stream& operator=(memory_stream&& other) noexcept {
    std::swap(link_, other.link_);
    std::swap(side_, other.side_);
    return *this;
  }
  ~memory_stream();

  /// See `stream`. Faults are errc::closed and errc::busy, ECONNRESET after the peer's abort, and what was injected.
  [[nodiscard]] auto read_some() noexcept { return detail::memory_read_wait<buffer_lease>(incoming()); }
  [[nodiscard]] auto read(std::span<std::byte> into) noexcept {
    return detail::memory_read_wait<std::size_t>(incoming(), into);
  }

  /// See `stream`.
  [[nodiscard]] buffer_lease try_read_some() noexcept;
  [[nodiscard]] std::size_t received_ahead() const noexcept;

  /// See `stream`. Faults are errc::closed, also after shut_down_write, errc::write_torn, EPIPE if the peer has closed,
  /// ECONNRESET after its abort, and what was injected.
  [[nodiscard]] auto write_all(std::span<const std::byte> data) noexcept {
    return detail::memory_write_wait(outgoing(), data, {}, false);
  }
  [[nodiscard]] auto write_all(std::string_view text) noexcept { return write_all(std::as_bytes(std::span(text))); }
  [[nodiscard]] auto write_all(std::span<const std::span<const std::byte>> parts) noexcept {
    return detail::memory_write_wait(outgoing(), {}, parts, false);
  }
  [[nodiscard]] auto shut_down_write() noexcept { return detail::memory_write_wait(outgoing(), {}, {}, true); }
  [[nodiscard]] auto close() noexcept { return detail::memory_close_wait(link_.get(), side_); }
  void abort() noexcept;
  [[nodiscard]] std::size_t try_write(std::span<const std::span<const std::byte>> parts) noexcept;
  bool watch(stream_observer* observer) noexcept;

  /// Makes the `nth` read from now (1: the next) fail with `error_number`. It takes nothing; other reads are not
  /// affected.
  void fail_read(unsigned nth, int error_number) noexcept;
  /// Makes the `nth` write from now (1: the next) fail with `error_number`. It writes nothing; other writes are not
  /// affected.
  void fail_write(unsigned nth, int error_number) noexcept;
  /// Breaks the connection: bytes in transit are lost, and every read and write at either end fails from now on.
  void break_connection(int error_number = ECONNRESET) noexcept;

  /// Bytes that the peer has written and this end has not read, including those in transit.
  [[nodiscard]] std::size_t unread() const noexcept;

 private:
  friend struct detail::stream_access;
  friend WRING_API std::pair<memory_stream, memory_stream> make_memory_stream_pair(const memory_stream_options&);

  memory_stream(std::shared_ptr<detail::memory_link> link, unsigned side) noexcept
      : link_(std::move(link)), side_(side) {}
  [[nodiscard]] detail::memory_pipe* incoming() const noexcept;
  [[nodiscard]] detail::memory_pipe* outgoing() const noexcept;
  [[nodiscard]] bool has_writer() const noexcept;
  void queue(detail::queued_write& posted) noexcept;

  std::shared_ptr<detail::memory_link> link_;
  unsigned side_;
};

/// The two ends of a connection within the process. Throws std::invalid_argument if the capacity or the chunk is
/// 0, the delay is negative, or there is a seed without a chunk.
[[nodiscard]] WRING_API std::pair<memory_stream, memory_stream> make_memory_stream_pair(
    const memory_stream_options& options = {});

}  // namespace wring::net
