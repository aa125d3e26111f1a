// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <netinet/in.h>
#include <span>
#include <vector>

#include <wring/core/detail/wait_list.hpp>
#include <wring/core/engine/buffer_pool.hpp>
#include <wring/core/engine/engine.hpp>
#include <wring/core/error.hpp>
#include <wring/core/scheduler.hpp>
#include <wring/net/descriptor.hpp>
#include <wring/net/socket_address.hpp>

namespace wring::net::detail {

class socket_send_wait;
class socket_close_wait;

/// A task that waits for received bytes.
class socket_receive_wait {
 protected:
  ~socket_receive_wait() = default;
  buffer_lease chunk_;  ///< the next bytes; none when reading has ended: the socket's state says how

 private:
  friend class stream_socket;
  /// Called once, with the bytes in place.
  virtual void received() noexcept = 0;
};

/// What of a connected stream socket must stay where it is while operations are in flight: the multishot receive, the
/// bytes that came and nobody has taken, and the tasks that read and write. Its handle (a tcp_stream) moves; this does
/// not. Belongs to one scheduler.
///
/// The multishot receive is armed by the first wait of a reader, stops by itself at the receive quota, and is armed
/// again by the next wait. A reader with memory of its own gets a one-shot receive instead while that is not armed.
class WRING_API stream_socket final : public operation {
 public:
  static constexpr std::size_t default_receive_quota = std::size_t{64} * 1024;

  stream_socket(descriptor fd, const socket_address& peer);
  stream_socket(const stream_socket&) = delete;
  stream_socket& operator=(const stream_socket&) = delete;
  static void* operator new(std::size_t size);
  static void operator delete(void* block, std::size_t size) noexcept;

  /// The end of the handle: cancels what is in flight and closes, and frees this block once that is done. Ends the
  /// process if a task is suspended on the socket.
  void abandon() noexcept;

  /// Cancels what is in flight and wakes who reads or writes with errc::closed. Once nothing is in flight any more, the
  /// descriptor is closed, or, to `keep` it, left to take_descriptor(), and `waiter`, if given, is completed (maybe
  /// within this call).
  void close(bool keep, socket_close_wait* waiter) noexcept;
  [[nodiscard]] descriptor take_descriptor() noexcept { return std::move(fd_); }

  [[nodiscard]] int native() const noexcept { return fd_.get(); }
  /// Others than the library set options of the socket, SO_LINGER maybe.
  void share_descriptor() noexcept { shared_ = true; }
  [[nodiscard]] bool closing() const noexcept { return (state_ & is_closing) != 0; }
  /// Closed, or being so with nothing in flight.
  [[nodiscard]] bool closed() const noexcept { return closing() && !in_use(); }
  [[nodiscard]] socket_address peer() const noexcept;
  [[nodiscard]] error fault(int error_number, const char* operation_name) const noexcept;
  [[nodiscard]] error fault(errc code, const char* operation_name) const noexcept;

  // Reading.

  [[nodiscard]] bool has_reader() const noexcept { return reader_ != nullptr || own_receive_ != nullptr; }
  /// Whether there is something that nobody has taken.
  [[nodiscard]] bool has_bytes() const noexcept { return first_ != nullptr; }
  /// The next chunk that nobody has taken; empty if there is none.
  [[nodiscard]] buffer_lease pop() noexcept;
  /// The same bytes, as many as fit. Zero if there are none.
  [[nodiscard]] std::size_t pop(std::span<std::byte> into) noexcept;
  /// Everything that nobody has taken.
  [[nodiscard]] std::vector<std::byte> take_all();
  /// Nothing more will come after what can be taken.
  [[nodiscard]] bool read_ended() const noexcept { return (state_ & (end_of_file | read_failed | is_closing)) != 0; }
  /// Throws or returns why, unless it was the end of the stream.
  [[nodiscard]] result<void> read_outcome() const noexcept;
  /// Whether bytes come through the multishot receive now, so that a receive of one's own would overtake them.
  [[nodiscard]] bool receiving() const noexcept { return active() || starved_.waiting; }
  void wait(socket_receive_wait& r) noexcept;
  void cancel_wait() noexcept {
    reader_ = nullptr;
    sched_->engine().buffers().cancel(starved_);
  }
  void own_receive_begins(operation& op) noexcept;
  /// The reader's own receive has ended with `result`. True: with bytes that the reader keeps; otherwise the socket has
  /// noted the outcome and, of a reader that does not want them, put the bytes behind what can be taken.
  [[nodiscard]] bool own_receive_ended(operation& op, std::int32_t result, bool wanted) noexcept;
  /// Puts bytes in front of what can be taken.
  void put_back(buffer_lease&& chunk) noexcept { push(std::move(chunk), true); }
  /// The same of bytes that were taken and given to nobody. A reader that waits by now gets them.
  void give_back(buffer_lease&& chunk) noexcept;
  void set_receive_quota(std::size_t bytes) noexcept { quota_ = bytes; }

  // Writing.

  [[nodiscard]] bool writable() const noexcept {
    return (state_ & (write_shut | write_torn | write_failed | is_closing)) == 0;
  }
  /// Whether nobody is in front of a new socket_send_wait.
  [[nodiscard]] bool idle_to_send() const noexcept { return sending_ == nullptr; }
  /// Whether a first attempt is better submitted, and batched with those of other tasks.
  [[nodiscard]] bool batches_sends() const noexcept { return sched_->batching_sends(); }
  /// See engine::attempt_send.
  [[nodiscard]] std::int32_t attempt(std::span<const std::byte> bytes) noexcept {
    return sched_->engine().attempt_send(fd_.get(), bytes);
  }
  [[nodiscard]] std::int32_t attempt(const ::msghdr& message) noexcept {
    return sched_->engine().attempt_send(fd_.get(), message);
  }
  /// Why it is not writable, if it is not.
  [[nodiscard]] result<void> write_outcome() const noexcept;
  [[nodiscard]] wring::engine& engine() const noexcept { return sched_->engine(); }
  void submit(operation& op) noexcept { sched_->engine().submit(op); }
  void cancel(operation& op) noexcept { sched_->engine().cancel(op); }
  /// Begins at once, or when those before it have ended.
  void queue(socket_send_wait& s) noexcept;
  /// The same where nobody is in front of it and its attempt is in flight.
  void sends(socket_send_wait& s) noexcept { sending_ = &s; }
  void unqueue(socket_send_wait& s) noexcept;
  void send_ended(socket_send_wait& s) noexcept {
    if (sending_ == &s && send_queue_.empty() && !closing()) [[likely]] {
      sending_ = nullptr;
    } else {
      next_send(s);
    }
  }
  /// Returns the error to be reported: what is a reset to one side is a reset to both.
  [[nodiscard]] int note_write_error(int error_number) noexcept;
  void note_torn(std::uint64_t sent) noexcept;
  void note_write_shut() noexcept { state_ |= write_shut; }
  [[nodiscard]] bool write_is_shut() const noexcept { return (state_ & (write_shut | is_closing)) == write_shut; }

 private:
  enum state_bits : std::uint8_t {
    is_closing = 1,
    end_of_file = 2,
    read_failed = 4,
    write_shut = 8,
    write_torn = 16,
    write_failed = 32,
    fault_told = 64,  ///< a write has been told of the connection's fault, and the kernel tells it once
  };
  struct queued {
    queued* next;
    buffer_lease chunk;
  };
  /// What a chunk counts for against the quota besides its bytes, so that tiny ones are bounded too.
  static constexpr std::size_t chunk_overhead = 128;
  struct starvation : buffer_pool::waiter {
    stream_socket* socket = nullptr;
  };

  ~stream_socket() = default;
  [[nodiscard]] bool in_use() const noexcept { return active() || own_receive_ != nullptr || sending_ != nullptr; }
  void on_receive(completion c) noexcept;
  void hand_over(completion c) noexcept;
  [[gnu::noinline]] void received_otherwise(completion c) noexcept;
  void keep(buffer_lease&& chunk) noexcept;
  void receive_ended(std::int32_t outcome) noexcept;
  void arm() noexcept;
  void note_read_end(std::int32_t outcome) noexcept;
  void wake_reader() noexcept;
  void push(buffer_lease&& chunk, bool front) noexcept;
  void lose_bytes() noexcept;
  void next_send(const socket_send_wait& s) noexcept;
  void finish_close() noexcept;

  descriptor fd_;
  std::uint8_t state_ = 0;
  bool keep_descriptor_ = false;
  bool abandoned_ = false;
  bool shared_ = false;
  std::int16_t read_errno_ = 0;
  std::int16_t write_errno_ = 0;
  scheduler* sched_;
  socket_receive_wait* reader_ = nullptr;
  operation* own_receive_ = nullptr;
  queued* first_ = nullptr;
  queued* last_ = nullptr;
  std::size_t queued_bytes_ = 0;  // with the overhead of each chunk
  std::size_t quota_ = default_receive_quota;
  socket_send_wait* sending_ = nullptr;
  wring::detail::wait_list<socket_send_wait> send_queue_;
  std::uint64_t torn_after_ = 0;
  wring::detail::wait_list<socket_close_wait> closers_;
  starvation starved_;
  union {
    ::sockaddr any;
    ::sockaddr_in v4;
    ::sockaddr_in6 v6;
  } peer_;
};

}  // namespace wring::net::detail
