// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include <wring/core/engine/buffer_pool.hpp>
#include <wring/net/detail/connected_socket.hpp>
#include <wring/net/detail/descriptor_inbox.hpp>
#include <wring/net/detail/receive_queue.hpp>
#include <wring/net/detail/released_state.hpp>
#include <wring/net/stream_observer.hpp>

namespace wring::net::detail {

/// A task that waits for received bytes.
class socket_receive_wait {
 protected:
  ~socket_receive_wait() = default;
  buffer_lease chunk_;  ///< the next bytes; none when reading has ended: the socket's state says how

 private:
  friend class receive_side;
  /// Called once, with the bytes in place.
  virtual void received() noexcept = 0;
};

/// The receiving side of a socket: the multishot receive, the bytes that have arrived and are not taken, the task that
/// reads and the observer.
///
/// The receive is armed by the first wait of a reader, stops by itself at the receive quota, and is armed again by the
/// next wait. A reader with memory of its own gets a one-shot receive instead while that is not armed.
///
/// A socket that receives descriptors has one-shot receives of messages instead, each for a reader that waits, or for
/// the observer until there are descriptors to be taken.
///
/// An observer counts as a reader: while there is one, the receive is armed up to the quota. Beyond it, and while there
/// is no buffer, the same record polls for the end of the connection.
class WRING_API receive_side : public connected_socket, public operation {
 public:
  static constexpr std::size_t default_receive_quota = std::size_t{64} * 1024;

  [[nodiscard]] bool has_reader() const noexcept {
    sched_->use("a stream");
    return reader_ != nullptr || own_receive_ != nullptr;
  }
  /// Whether there are bytes that have not been taken.
  [[nodiscard]] bool has_bytes() const noexcept { return !queue_.empty(); }
  /// The number of those bytes.
  [[nodiscard]] std::size_t bytes_ahead() const noexcept { return queue_.bytes(); }
  /// Whether they may be taken without waiting.
  [[nodiscard]] bool readable_at_once() const noexcept { return !has_reader() && !closing(); }
  /// The next chunk that has not been taken; empty if there is none.
  [[nodiscard]] buffer_lease pop() noexcept;
  /// The same bytes, as many as fit. Zero if there are none.
  [[nodiscard]] std::size_t pop(std::span<std::byte> into) noexcept;
  /// Everything that has not been taken.
  [[nodiscard]] std::vector<std::byte> take_all() { return queue_.take_all(); }
  /// Nothing more will come after what can be taken.
  [[nodiscard]] bool read_ended() const noexcept { return (state_ & (end_of_file | read_failed | is_closing)) != 0; }
  /// Throws or returns why, unless it was the end of the stream.
  [[nodiscard]] result<void> read_outcome() const noexcept;

  /// Whether bytes come through the socket's own receive, so that a receive of the reader's would overtake them.
  [[nodiscard]] bool receiving() const noexcept { return receiving_ || inbox_ != nullptr; }
  void wait(socket_receive_wait& r) noexcept;
  void cancel_wait() noexcept {
    reader_ = nullptr;
    if (observer_ == nullptr) stop_starving();
  }
  void own_receive_begins(operation& op) noexcept;
  /// The reader's own receive has ended with `result`. True: with bytes that the reader keeps; otherwise the socket has
  /// noted the outcome and, of a reader that does not want them, put the bytes behind what can be taken.
  [[nodiscard]] bool own_receive_ended(operation& op, std::int32_t result, bool wanted) noexcept;
  /// Puts bytes in front of what can be taken.
  void put_back(buffer_lease&& chunk) noexcept {
    if (!queue_.put_back(std::move(chunk))) lose_bytes();
  }
  /// The same for bytes that were taken and not delivered. A reader that waits now receives them.
  void give_back(buffer_lease&& chunk) noexcept;
  void set_receive_quota(std::size_t bytes) noexcept { quota_ = bytes; }

  /// Descriptors are received from now on, and not closed. Nothing has been received yet.
  void receive_descriptors(std::unique_ptr<descriptor_inbox> inbox) noexcept {
    inbox_ = std::move(inbox);
    prepare_receive();
  }
  /// The next one that came with bytes which have been taken; none if there is none.
  [[nodiscard]] descriptor take_received_descriptor() noexcept;

  /// See `stream`; null: no observer.
  void watch(stream_observer* observer) noexcept;

 protected:
  receive_side(descriptor owned, compact_address&& peer);
  ~receive_side() = default;

  /// For a connection that is released, and for the one that it becomes.
  void receiving_given_to(released_state& rest) noexcept;
  void receiving_taken_from(released_state&& rest) noexcept;

  /// For close: what is in flight is cancelled, and a reader is told, in this order.
  void cancel_receiving() noexcept;
  void wake_reader() noexcept;
  [[nodiscard]] bool receive_in_use() const noexcept { return active() || own_receive_ != nullptr; }

 private:
  struct starvation : buffer_pool::waiter {
    receive_side* side = nullptr;
  };

  static void receive_completed(operation& op, completion c) noexcept;
  void hand_over(completion c) noexcept;
  [[gnu::noinline]] void received_otherwise(completion c) noexcept;
  void keep(buffer_lease&& chunk) noexcept;
  void receive_ended(std::int32_t outcome) noexcept;
  static void message_completed(operation& op, completion c) noexcept;
  void message_received(completion c) noexcept;
  void prepare_receive() noexcept;
  void arm() noexcept;
  void stop_starving() noexcept;
  void note_read_end(std::int32_t outcome) noexcept;
  void lose_bytes() noexcept;

  void poll_for_the_end() noexcept;
  void on_poll(completion c) noexcept;
  void note_connection_fault() noexcept;
  void go_on_watching() noexcept;
  void keep_watching() noexcept;
  void announce_end() noexcept;

  socket_receive_wait* reader_ = nullptr;
  operation* own_receive_ = nullptr;
  stream_observer* observer_ = nullptr;
  receive_queue queue_;
  std::unique_ptr<descriptor_inbox> inbox_;
  std::size_t quota_ = default_receive_quota;
  starvation starved_;
};

}  // namespace wring::net::detail
