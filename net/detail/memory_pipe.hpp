// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include <wring/core/detail/awaiting/wait_list.hpp>
#include <wring/core/detail/export.hpp>
#include <wring/core/detail/scheduling/timer_wheel.hpp>
#include <wring/core/error.hpp>
#include <wring/net/stream_observer.hpp>

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

/// A task that waits for bytes of a memory_pipe.
class memory_reader {
 public:
  /// There are some, or reading has ended.
  virtual void arrived() noexcept = 0;

 protected:
  ~memory_reader() = default;
};

/// A writer that has bytes for a memory_pipe, and waits for room or for the writers before it.
class memory_writer : public wring::detail::wait_link {
 public:
  /// A task is suspended on it.
  [[nodiscard]] virtual bool is_task() const noexcept = 0;
  /// Writes what there is room for. True: it has ended.
  [[nodiscard]] virtual bool advance() noexcept = 0;
  /// It has ended, and is in the list no more.
  virtual void finish() noexcept = 0;

 protected:
  ~memory_writer() = default;
};

/// How a pipe behaves.
struct memory_pipe_options {
  std::size_t capacity;
  std::size_t read_chunk;
  std::int64_t delay;
  std::uint64_t seed;
};

/// One direction of a memory stream pair: a bounded queue of bytes, with the task that reads, the observer and those
/// that write.
class WRING_API memory_pipe {
 public:
  explicit memory_pipe(const memory_pipe_options& options);
  memory_pipe(const memory_pipe&) = delete;
  memory_pipe& operator=(const memory_pipe&) = delete;

  // The reading end.

  /// How many bytes, of at most `most`, a read by `who` returns now; 0 at the end of the stream. None: it has to wait.
  [[nodiscard]] std::optional<result<std::size_t>> look(std::size_t most) noexcept;
  [[nodiscard]] bool has_reader() const noexcept { return reader_ != nullptr; }
  /// Bytes that reads would return at once, altogether.
  [[nodiscard]] std::size_t arrived() noexcept {
    arrive();
    return read_error_ ? 0 : returned_.size() + arrived_;
  }
  void take(std::span<std::byte> into) noexcept;
  void wait(memory_reader& r) noexcept { reader_ = &r; }
  void cancel_wait() noexcept;
  /// Puts back bytes that were taken and not delivered.
  void give_back(std::span<const std::byte> bytes) noexcept;
  [[nodiscard]] std::size_t size() const noexcept { return returned_.size() + size_; }
  [[nodiscard]] bool reading_closed() const noexcept { return read_error_ && *read_error_ == errc::closed; }
  /// See `stream`; null: no observer.
  void watch(stream_observer* observer) noexcept;
  /// This end is closed: reads fail with errc::closed, the other end's writes with `error_number`.
  void close_reading(int error_number) noexcept;

  // The writing end.

  [[nodiscard]] const std::optional<error>& write_error() const noexcept { return write_error_; }
  [[nodiscard]] bool shut() const noexcept { return shut_; }
  /// Why nothing more can be written, if that is so.
  [[nodiscard]] std::optional<error> write_outcome() const noexcept {
    if (write_error_) return write_error_;
    if (!shut_) return {};
    return error(errc::closed, "write to a memory stream").with_detail("its write side was shut down");
  }
  [[nodiscard]] std::size_t put(std::span<const std::byte> data) noexcept;
  void end() noexcept;
  /// A write was cancelled after `written` bytes.
  void tear(std::size_t written) noexcept;
  /// This end is closed.
  void close_writing() noexcept;

  /// See `stream`.
  [[nodiscard]] std::size_t try_put(std::span<const std::span<const std::byte>> parts) noexcept;

  wring::detail::wait_list<memory_writer> writers;

  // Both.

  /// Bytes under way are lost, and what ends have not been closed fail with `error_number`.
  void break_both(int error_number) noexcept;
  void break_reading(int error_number) noexcept;
  /// Lets waiting tasks go on that can.
  void settle() noexcept;

  /// While bytes are read that the observer may be reading itself: it is told of what follows them later.
  class WRING_API quiet {
   public:
    explicit quiet(memory_pipe& p) noexcept : pipe_(p) { p.quiet_ = true; }
    quiet(const quiet&) = delete;
    quiet& operator=(const quiet&) = delete;
    ~quiet();

   private:
    memory_pipe& pipe_;
  };

  planned_fault read_fault;
  planned_fault write_fault;

 private:
  /// Bytes that were written at the same time and have not arrived.
  struct batch {
    std::int64_t due;
    std::size_t size;
  };

  /// Fires when bytes in transit, or the end, have arrived and are waited for.
  struct arrival : wring::detail::timer {
    explicit arrival(memory_pipe& p) noexcept
        : timer([](timer& t) noexcept { static_cast<arrival&>(t).pipe.settle(); }), pipe(p) {}
    memory_pipe& pipe;
  };

  [[nodiscard]] std::int64_t due_time() const noexcept;
  [[nodiscard]] std::size_t chunk() noexcept;
  void arrive() noexcept;
  [[nodiscard]] bool readable() noexcept;
  [[nodiscard]] bool end_arrived() const noexcept;
  void await_arrival() noexcept;
  void serve_reader() noexcept;
  void tell_observer() noexcept;
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
  stream_observer* observer_ = nullptr;
  std::uint64_t arrivals_ = 0;  // how often bytes have arrived, and how often the observer knows of
  std::uint64_t told_ = 0;
  bool end_told_ = false;
  bool quiet_ = false;
  arrival arrival_;
};

}  // namespace wring::net::detail
