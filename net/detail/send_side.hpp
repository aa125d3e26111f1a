// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <wring/core/detail/awaiting/wait_list.hpp>
#include <wring/core/engine/engine.hpp>
#include <wring/net/detail/receive_side.hpp>
#include <wring/net/detail/send_entry.hpp>

namespace wring::net::detail {

/// The sending side of a socket: the write that is in progress, those that wait for a turn, and whether more may be
/// written. It is derived from the other side only so that a socket is one object whose sides need no pointers to what
/// they share.
class WRING_API send_side : public receive_side {
 public:
  [[nodiscard]] bool writable() const noexcept {
    sched_->use("a stream");
    return (state_ & (write_shut | write_torn | write_failed | is_closing)) == 0;
  }
  /// Whether nothing is queued before a new entry.
  [[nodiscard]] bool idle_to_send() const noexcept { return sending_ == nullptr; }
  /// Whether something waits for its turn behind the entry that has it.
  [[nodiscard]] bool has_queued_sends() const noexcept { return !send_queue_.empty(); }
  /// Whether a first attempt is better submitted, and batched with those of other tasks.
  [[nodiscard]] bool batches_sends() const noexcept { return sched_->batching_sends(); }
  /// See engine::attempt_send.
  [[nodiscard]] std::int32_t attempt(std::span<const std::byte> bytes) noexcept {
    return sched_->engine().attempt_send(fd_.get(), bytes);
  }
  [[nodiscard]] std::int32_t attempt(const ::msghdr& message) noexcept {
    return sched_->engine().attempt_send(fd_.get(), message);
  }
  /// See engine::attempt_send_file. 0 also for what is no fault of the connection's but of the file's: a read of it
  /// will tell.
  [[nodiscard]] std::int32_t attempt_file(int file, std::uint64_t offset, std::size_t count) noexcept;
  /// Why it is not writable, if it is not.
  [[nodiscard]] result<void> write_outcome() const noexcept;
  void submit(operation& op) noexcept { sched_->engine().submit(op); }
  void cancel(operation& op) noexcept { sched_->engine().cancel(op); }
  /// Begins at once, or when the writes before it have ended.
  void queue(send_entry& s, const send_entry::functions& f) noexcept;
  /// The same where nothing is queued before it and its attempt is in flight.
  void sends(send_entry& s, const send_entry::functions& f) noexcept {
    s.functions_ = &f;
    sending_ = &s;
  }
  /// Takes out one that has not had its turn.
  void unqueue(send_entry& s) noexcept { send_queue_.remove(s); }
  void send_ended(send_entry& s) noexcept {
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

  /// See `stream`: what can be written without waiting. Zero while another write is in progress, and where no more may
  /// be written.
  [[nodiscard]] std::size_t try_write(std::span<const std::span<const std::byte>> parts) noexcept;
  /// The same of bytes that others follow at once: the kernel may wait for these.
  [[nodiscard]] std::size_t try_write_before(std::span<const std::byte> bytes) noexcept;
  /// The same of a file's bytes, which are in memory.
  [[nodiscard]] std::size_t try_send_file(int file, std::uint64_t at, std::size_t count) noexcept;

 protected:
  using receive_side::receive_side;
  ~send_side() = default;

  /// For a connection that is released, and for the one that it becomes.
  void sending_given_to(released_state& rest) const noexcept { rest.torn_after = torn_after_; }
  void sending_taken_from(const released_state& rest) noexcept { torn_after_ = rest.torn_after; }

  /// For close: no write has another turn.
  void cancel_sending() noexcept;
  [[nodiscard]] bool send_in_use() const noexcept { return sending_ != nullptr; }
  /// Whether a task is suspended here. Of what is not one, only that which has its turn outlives its owner.
  [[nodiscard]] bool has_writer() const noexcept {
    return !send_queue_.empty() || (sending_ != nullptr && sending_->functions_->is_task);
  }

 private:
  void next_send(const send_entry& s) noexcept;
  /// The bytes that an attempt has sent; a fault is kept for who writes next.
  [[nodiscard]] std::size_t counted(std::int32_t sent) noexcept;

  send_entry* sending_ = nullptr;
  wring::detail::wait_list<send_entry> send_queue_;
  std::uint64_t torn_after_ = 0;
};

}  // namespace wring::net::detail
