// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include <wring/core/error.hpp>
#include <wring/net/detail/memory_read_wait.hpp>
#include <wring/net/detail/memory_write_wait.hpp>
#include <wring/net/memory_stream.hpp>

namespace wring::net::detail {

/// Fails the n-th of some calls.
class planned_fault {
 public:
  void plan(unsigned nth, int error_number) noexcept {
    left_ = nth;
    errno_ = error_number;
  }
  /// The errno that this call is to fail with, or 0.
  [[nodiscard]] int next() noexcept { return left_ != 0 && --left_ == 0 ? errno_ : 0; }

 private:
  unsigned left_ = 0;
  int errno_ = 0;
};

/// One direction of a memory stream pair: a bounded queue of bytes, with the task that reads and those that write.
class memory_pipe {
 public:
  explicit memory_pipe(const memory_stream_options& options, std::uint64_t seed);

  // The reading end.

  /// How many bytes, of at most `most`, a read by `who` gets now; 0 at the end of the stream. None: it has to wait.
  [[nodiscard]] std::optional<result<std::size_t>> look(std::size_t most) noexcept;
  [[nodiscard]] bool has_reader() const noexcept { return reader_ != nullptr; }
  void take(std::span<std::byte> into) noexcept;
  void wait(memory_reader& r) noexcept { reader_ = &r; }
  void cancel_wait() noexcept;
  /// Bytes that were taken and given to nobody come first again.
  void give_back(std::span<const std::byte> bytes) noexcept;
  [[nodiscard]] std::size_t size() const noexcept { return returned_.size() + size_; }
  [[nodiscard]] bool reading_closed() const noexcept { return read_error_ && *read_error_ == errc::closed; }
  /// This end is closed: reads fail with errc::closed, the other end's writes with `error_number`.
  void close_reading(int error_number) noexcept;

  // The writing end.

  [[nodiscard]] const std::optional<error>& write_error() const noexcept { return write_error_; }
  [[nodiscard]] bool shut() const noexcept { return shut_; }
  [[nodiscard]] std::size_t put(std::span<const std::byte> data) noexcept;
  void end() noexcept;
  /// A write was cancelled after `written` bytes.
  void tear(std::size_t written) noexcept;
  /// This end is closed.
  void close_writing() noexcept;

  wring::detail::wait_list<memory_write_wait> writers;

  // Both.

  /// Bytes under way are lost, and what ends have not been closed fail with `error_number`.
  void break_both(int error_number) noexcept;
  void break_reading(int error_number) noexcept;
  /// Lets waiting tasks go on that can.
  void settle() noexcept;

  planned_fault read_fault;
  planned_fault write_fault;

 private:
  /// Bytes that were written at the same time and have not arrived.
  struct batch {
    std::int64_t due;
    std::size_t size;
  };

  [[nodiscard]] std::int64_t due_time() const noexcept;
  [[nodiscard]] std::size_t chunk() noexcept;
  void arrive() noexcept;
  [[nodiscard]] bool readable() noexcept;
  void drop() noexcept;

  std::size_t capacity_;
  std::size_t read_chunk_;
  std::uint64_t random_;
  std::int64_t delay_;
  std::unique_ptr<std::byte[]> ring_;
  std::vector<std::byte> returned_;  // before what is in the ring
  std::size_t first_ = 0;
  std::size_t size_ = 0;
  std::size_t arrived_ = 0;
  std::deque<batch> under_way_;  // empty if there is no delay
  std::int64_t end_due_ = 0;
  bool shut_ = false;
  std::optional<error> read_error_;
  std::optional<error> write_error_;
  memory_reader* reader_ = nullptr;
};

struct memory_link {
  explicit memory_link(const memory_stream_options& options);

  /// Each is read by the side of its number.
  std::array<memory_pipe, 2> pipes;
};

}  // namespace wring::net::detail
