// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include <wring/core/detail/awaiting/wait_list.hpp>
#include <wring/core/detail/scheduling/timer_wheel.hpp>
#include <wring/core/engine/engine.hpp>
#include <wring/core/engine/message_buffers.hpp>
#include <wring/core/engine/socket_file.hpp>
#include <wring/core/error.hpp>
#include <wring/core/scheduler.hpp>
#include <wring/net/datagram.hpp>
#include <wring/net/descriptor.hpp>
#include <wring/net/detail/datagram_queue.hpp>
#include <wring/net/socket_address.hpp>

namespace wring::net::detail {

/// A task that waits for a datagram.
class received_datagram_wait : public wring::detail::wait_link {
 protected:
  ~received_datagram_wait() = default;
  datagram datagram_;
  int errno_ = 0;          ///< instead of a datagram: a fault of the socket, or of the peer it is connected to
  bool received_ = false;  ///< there is a datagram; otherwise, without a fault, none will come any more

 private:
  friend class datagram_socket;
  /// Called once, out of the list, with the outcome in place.
  virtual void ended() noexcept = 0;
};

/// A task that waits for room to send.
struct waiting_send : operation, wring::detail::wait_link {
  /// After it the send is attempted again, as if the poll had found room.
  struct pause : wring::detail::timer {
    explicit pause(waiting_send& sender) noexcept
        : timer([](timer& t) noexcept {
            waiting_send& w = static_cast<pause&>(t).of;
            w.on_completion(w, completion(0));
          }),
          of(sender) {}
    waiting_send& of;
    std::int64_t length_ns = 0;
  };

  waiting_send() noexcept : operation(operation::unset()), wait_link(wait_link::unset()) {}
  bool cut = false;             ///< by the socket's end
  std::optional<pause> paused;  ///< the last one, if there has been one
};

/// A task that waits until a socket is closed.
class datagram_close_listener : public wring::detail::wait_link {
 protected:
  ~datagram_close_listener() = default;

 private:
  friend class datagram_socket;
  /// Called once, out of the list.
  virtual void closed() noexcept = 0;
};

/// What of a socket for datagrams must stay where it is while the multishot receive is in flight, with the datagrams
/// that were received and not taken. The receive is armed by the first wait, and stops by itself while as many
/// datagrams wait here as may: the kernel's buffer keeps the next ones. It ends with every empty datagram, and when the
/// peer's host refuses, and is armed again.
class WRING_API datagram_socket final : public operation {
 public:
  /// `peer`: the one that it is connected to; empty if it is not. Throws io_error where the kernel refuses buffers.
  datagram_socket(descriptor fd, std::size_t largest, std::size_t queue_limit, const socket_address& peer = {});

  /// Keeps the descriptor open for an operation that others submit.
  class use {
   public:
    explicit use(datagram_socket& s) noexcept : socket_(s) { ++s.uses_; }
    use(const use&) = delete;
    use& operator=(const use&) = delete;
    ~use() {
      --socket_.uses_;
      if (socket_.closing_) socket_.finish_close();
    }

   private:
    datagram_socket& socket_;
  };

  /// The end of the handle: closes, and frees this block once nothing is in flight.
  void abandon() noexcept;
  /// Drops what was not taken, and closes. `waiter`, if not null, is notified, maybe within this call.
  void close(datagram_close_listener* waiter) noexcept;

  /// Passes `w` what has been received already, or says that nothing more will be; false: it has to wait.
  [[nodiscard]] bool try_receive(received_datagram_wait& w) noexcept;
  void wait(received_datagram_wait& w) noexcept;
  void cancel_wait(received_datagram_wait& w) noexcept;
  /// Puts back one that was taken and not delivered. It precedes those that wait here.
  void put_back(datagram&& d) noexcept;

  /// See engine::attempt_send.
  [[nodiscard]] std::int32_t attempt(const ::msghdr& message) noexcept {
    return sched_->engine().attempt_send(fd, message);
  }
  /// The same of bytes alone; `to` is null: to the socket's peer.
  [[nodiscard]] std::int32_t attempt(std::span<const std::byte> bytes, const socket_address* to) noexcept {
    return sched_->engine().attempt_send_to(fd, bytes, to != nullptr ? to->data() : nullptr,
                                            to != nullptr ? to->size() : 0);
  }
  /// Submits the poll of one that found no room. Close cancels it, and waits for its end.
  void send_waits(waiting_send& w) noexcept;
  /// Attempts it again after a while, a longer one each time.
  void send_pauses(waiting_send& w) noexcept;
  /// Ends its poll or its pause with -ECANCELED.
  void interrupt(waiting_send& w) noexcept;
  /// It has ended.
  void send_ended(waiting_send& w) noexcept;

  [[nodiscard]] int native() const noexcept { return fd_.get(); }
  [[nodiscard]] wring::engine& engine() const noexcept { return sched_->engine(); }
  [[nodiscard]] const socket_address& local() const noexcept { return local_; }
  [[nodiscard]] const socket_address& peer() const noexcept { return peer_; }
  void set_peer(const socket_address& peer) noexcept;
  /// Closes descriptors that come with datagrams, unless they are to be kept.
  void keep_descriptors() noexcept { drops_descriptors_ = false; }
  /// Removes this file when it closes, if it is still the same one; none: none.
  void own_file(const socket_file& file) noexcept { file_ = file; }
  [[nodiscard]] std::size_t queued() const noexcept { return queue_.size(); }
  [[nodiscard]] bool closing() const noexcept { return closing_; }
  [[nodiscard]] bool closed() const noexcept { return closing_ && fd_.get() < 0; }
  /// Of the peer, if there is one, or of the socket itself.
  [[nodiscard]] const socket_address& named() const noexcept { return peer_.empty() ? local_ : peer_; }

 private:
  struct starvation : buffer_pool::waiter {
    datagram_socket* socket = nullptr;
  };

  ~datagram_socket() = default;
  static void received(operation& op, completion c) noexcept;
  void hand_over(received_datagram_wait& w, completion c) noexcept;
  void keep(completion c) noexcept;
  void drop(completion c) noexcept;
  void receive_ended(completion c) noexcept;
  void note_fault(int error_number) noexcept;
  void arm_if_wanted() noexcept;
  void finish_close() noexcept;
  void remove_file() noexcept;

  descriptor fd_;
  scheduler* sched_;
  message_buffers* buffers_;
  std::size_t largest_;
  std::size_t queue_limit_;
  socket_address local_;
  socket_address peer_;
  bool closing_ = false;
  bool abandoned_ = false;
  bool drops_descriptors_;
  bool full_ = false;  ///< as many wait here as may, until half of them have been taken
  int fault_ = 0;      ///< to be reported to the next receive
  unsigned uses_ = 0;  ///< polls of senders, and operations of others
  socket_file file_;
  datagram_queue queue_;
  wring::detail::wait_list<received_datagram_wait> waiters_;
  wring::detail::wait_list<waiting_send> senders_;
  wring::detail::wait_list<datagram_close_listener> closers_;
  starvation starved_;
};

}  // namespace wring::net::detail
