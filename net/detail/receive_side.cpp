// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <new>
#include <poll.h>
#include <sys/socket.h>
#include <utility>

#include <wring/core/detail/plants.hpp>
#include <wring/core/log.hpp>
#include <wring/net/detail/receive_side.hpp>
#include <wring/net/detail/socket_calls.hpp>

namespace wring::net::detail {

receive_side::receive_side(descriptor owned, compact_address&& peer)
    : connected_socket(std::move(owned), std::move(peer)) {
  prepare_receive();
  fd = fd_.get();
  starved_.side = this;
  starved_.on_buffer = [](buffer_pool::waiter& w) noexcept { static_cast<starvation&>(w).side->arm(); };
}

result<void> receive_side::read_outcome() const noexcept {
  if (closing()) return fault(errc::closed, "read from");
  if (read_errno_ == EMSGSIZE && inbox_ != nullptr) {
    return fault(EMSGSIZE, "read from").with_detail("more descriptors have come than .descriptors allows to be kept");
  }
  if (read_errno_ != 0) return fault(read_errno_, "read from");
  return {};
}

buffer_lease receive_side::pop() noexcept {
  buffer_lease chunk = queue_.pop();
  if (observer_ != nullptr) keep_watching();
  return chunk;
}

std::size_t receive_side::pop(std::span<std::byte> into) noexcept {
  const std::size_t count = queue_.pop(into);
  if (observer_ != nullptr) keep_watching();
  return count;
}

void receive_side::wait(socket_receive_wait& r) noexcept {
  reader_ = &r;
  if (!receiving_) arm();
}

// There is no memory to keep bytes that have come. Nothing may follow the gap: reading fails from here on.
void receive_side::lose_bytes() noexcept {
  queue_.clear();
  state_ |= read_failed;
  read_errno_ = ENOMEM;
  sched_->engine().cancel(*this);
}

// The multishot receive.

void receive_side::prepare_receive() noexcept {
  const bool messages = inbox_ != nullptr;
  code = messages ? op_code::receive_message : op_code::receive_multishot;
  flags = is_unix() && !messages ? POLLRDHUP : 0;
  on_completion = messages ? message_completed : receive_completed;
}

void receive_side::arm() noexcept {
  if (active()) {  // a poll: the receive follows its end
    receiving_ = false;
    return sched_->engine().cancel(*this);
  }
  if (code != op_code::receive_multishot) [[unlikely]] {
    prepare_receive();
    if (inbox_ != nullptr && (data = inbox_->next_message()) == nullptr) {
      lose_bytes();
      return wake_reader();
    }
  }
  receiving_ = true;
  sched_->engine().submit(*this);
}

void receive_side::stop_starving() noexcept {
  if (!starved_.waiting) return;
  sched_->engine().buffers().cancel(starved_);
  receiving_ = false;
}

void receive_side::wake_reader() noexcept {
  if (reader_ != nullptr) std::exchange(reader_, nullptr)->received();
}

// What a receive said that brought no bytes: the end, a fault, or nothing (cancelled, interrupted).
void receive_side::note_read_end(std::int32_t outcome) noexcept {
  if (outcome == 0 && (state_ & fault_told) != 0) {
    state_ |= read_failed;
    read_errno_ = write_errno_;
  } else if (outcome == 0) {
    state_ |= end_of_file;
  } else if (outcome < 0 && outcome != -ECANCELED && outcome != -EINTR && outcome != -EAGAIN) {
    state_ |= read_failed;
    read_errno_ = static_cast<std::uint8_t>(-outcome);
  }
}

void receive_side::receive_completed(operation& op, completion c) noexcept {
  auto& self = static_cast<receive_side&>(op);
  if (c.has_buffer() && c.more() && c.result > 0 && self.reader_ != nullptr && self.queue_.empty()) [[likely]] {
    self.hand_over(c);
  } else {
    self.received_otherwise(c);
  }
}

[[gnu::always_inline]] inline void receive_side::hand_over(completion c) noexcept {
  socket_receive_wait& r = *std::exchange(reader_, nullptr);
  // Empty until now, so there is nothing to return.
  ::new (&r.chunk_) auto(sched_->engine().buffers().lease(c.buffer(), static_cast<std::size_t>(c.result)));
  r.received();
}

// Before any task waits, or after bytes that are not taken yet, or for the last time.
void receive_side::received_otherwise(completion c) noexcept {
  if (c.has_buffer()) {
    if (reader_ != nullptr && queue_.empty() && c.result > 0) {
      hand_over(c);
    } else {
      keep(sched_->engine().buffers().lease(c.buffer(), static_cast<std::size_t>(std::max(c.result, 0))));
    }
  }
  if (!c.more()) receive_ended(c.result);
}

void receive_side::keep(buffer_lease&& chunk) noexcept {
  if (chunk.empty() || (closing() && !keep_descriptor_) || (state_ & read_failed) != 0) return;
  // Few bytes do not tie up a buffer of the pool until they are read, nor do any once half of the pool is in use:
  // otherwise streams whose tasks do not read could stop all the others.
  const buffer_pool& pool = sched_->engine().buffers();
  if (chunk.size() <= pool.buffer_size() / 8 || pool.leased() > pool.capacity() / 2) {
    try {
      chunk = buffer_lease::copy_of(chunk);
    } catch (const std::bad_alloc&) {
      // Then they stay where they are.
    }
  }
  if (!queue_.push(std::move(chunk))) return lose_bytes();
  if (queue_.weight() >= quota_) sched_->engine().cancel(*this);
  if (observer_ != nullptr) observer_->arrived();
}

void receive_side::receive_ended(std::int32_t outcome) noexcept {
  receiving_ = WRING_PLANTED("not-rearmed") && outcome > 0;
  buffer_pool& pool = sched_->engine().buffers();
  if (outcome <= 0 && outcome != -ENOBUFS) pool.pass_on();
  if (closing()) {
    // To who takes the descriptor over the kernel does not tell a fault again.
    if (keep_descriptor_ && outcome != -ENOBUFS) note_read_end(outcome);
    return operation_ended();
  }
  if (outcome == -ENOBUFS) {
    if ((reader_ != nullptr || observer_ != nullptr) && pool.wait(starved_)) {
      receiving_ = true;
      if (observer_ != nullptr) poll_for_the_end();
      return;
    }
  } else {
    note_read_end(outcome);
  }
  if (reader_ == nullptr && outcome == -ECANCELED && sched_->ends_leftovers()) {
    log::warn("a connection outlives the tasks of its scheduler: nothing is received from it any more",
              {"peer", peer()});
    return;
  }
  if (read_ended()) {
    wake_reader();
    announce_end();
  } else if (reader_ != nullptr) {
    arm();
  } else {
    go_on_watching();
  }
}

// The receive of messages.

void receive_side::message_completed(operation& op, completion c) noexcept {
  static_cast<receive_side&>(op).message_received(c);
}

void receive_side::message_received(completion c) noexcept {
  if (c.result <= 0) return receive_ended(c.result);
  buffer_lease chunk = inbox_->received(static_cast<std::size_t>(c.result));
  if (chunk.empty()) {
    state_ |= read_failed;
    read_errno_ = EMSGSIZE;
  } else if (reader_ != nullptr && queue_.empty()) {
    socket_receive_wait& r = *std::exchange(reader_, nullptr);
    r.chunk_ = std::move(chunk);
    r.received();
  } else {
    keep(std::move(chunk));
  }
  receive_ended(-EAGAIN);
}

descriptor receive_side::take_received_descriptor() noexcept {
  if (inbox_ == nullptr || closing()) return {};
  descriptor taken = inbox_->take(queue_.bytes());
  if (taken.get() >= 0 && !active()) go_on_watching();
  return taken;
}

// The reader's own receive.

void receive_side::own_receive_begins(operation& op) noexcept {
  own_receive_ = &op;
  sched_->engine().submit(op);
}

bool receive_side::own_receive_ended(operation& op, std::int32_t outcome, bool wanted) noexcept {
  own_receive_ = nullptr;
  if (outcome > 0 && !wanted && (!closing() || keep_descriptor_) && !WRING_PLANTED("swallowed-bytes")) {
    // Copied, as the memory is the reader's.
    try {
      buffer_lease chunk = buffer_lease::allocate(static_cast<std::size_t>(outcome));
      std::memcpy(chunk.data(), op.data, chunk.size());
      if (!queue_.push(std::move(chunk))) lose_bytes();
    } catch (const std::bad_alloc&) {
      lose_bytes();
    }
    if (observer_ != nullptr && has_bytes()) observer_->arrived();
  }
  note_read_end(outcome);
  if (closing()) {
    operation_ended();
  } else if (observer_ != nullptr) {
    announce_end();
    if (!active() && !starved_.waiting) go_on_watching();
  }
  return outcome > 0 && wanted;
}

void receive_side::give_back(buffer_lease&& chunk) noexcept {
  if (chunk.empty() || (closing() && !keep_descriptor_)) return;
  put_back(std::move(chunk));
  if (reader_ != nullptr) {
    socket_receive_wait& r = *reader_;
    cancel_wait();
    r.chunk_ = pop();
    r.received();
  } else if (own_receive_ != nullptr) {
    sched_->engine().cancel(*own_receive_);  // what it delivers comes after these
  } else if (observer_ != nullptr) {
    observer_->arrived();
  }
}

// The observer.

void receive_side::watch(stream_observer* observer) noexcept {
  observer_ = closing() ? nullptr : observer;
  if (observer_ == nullptr) {
    if (reader_ == nullptr) stop_starving();
    if (active() && code == op_code::poll) sched_->engine().cancel(*this);
    return;
  }
  state_ &= static_cast<std::uint8_t>(~end_announced);
  if (reader_ == nullptr && has_bytes()) observer_->arrived();
  announce_end();
  if (!active() && !starved_.waiting) go_on_watching();
}

// Nothing is in flight of this record, and no reader waits.
void receive_side::go_on_watching() noexcept {
  // Its own receive would be overtaken; this is called when that ends.
  if (observer_ == nullptr || own_receive_ != nullptr || read_ended()) return;
  if (queue_.weight() < quota_ && (inbox_ == nullptr || !inbox_->holds_any())) {
    arm();
  } else {
    poll_for_the_end();
  }
}

// Bytes have been taken: with the last of them the receive may go on.
void receive_side::keep_watching() noexcept {
  if (!queue_.empty() || starved_.waiting || closing()) return;
  if (!active()) {
    go_on_watching();
  } else if (code == op_code::poll) {
    sched_->engine().cancel(*this);
  }
}

void receive_side::poll_for_the_end() noexcept {
  if ((state_ & end_announced) != 0) return;
  code = op_code::poll;
  data = nullptr;  // that of a message, maybe
  flags = POLLRDHUP;
  on_completion = [](operation& op, completion c) noexcept { static_cast<receive_side&>(op).on_poll(c); };
  sched_->engine().submit(*this);
}

void receive_side::on_poll(completion c) noexcept {
  if (closing()) return operation_ended();
  if (c.result == -ECANCELED && reader_ == nullptr && sched_->ends_leftovers()) return;
  if (c.result > 0 && observer_ != nullptr && (state_ & end_announced) == 0) {
    state_ |= end_announced;
    if ((c.result & POLLERR) != 0) {
      note_connection_fault();
      const error e = fault(write_errno_, "read from");
      observer_->ended(&e);
    } else {
      observer_->ended(nullptr);
    }
  }
  // A receive that waits for a buffer is armed when there is one.
  if (starved_.waiting) return;
  if (reader_ != nullptr) {
    arm();
  } else if (c.result > 0 || c.result == -ECANCELED || c.result == -EINTR) {
    go_on_watching();
  }
}

// The kernel tells it once: from here on the socket remembers it for both of its sides.
void receive_side::note_connection_fault() noexcept {
  if ((state_ & fault_told) != 0) return;
  const int told = option_of(sched_->engine(), native(), SOL_SOCKET, SO_ERROR);
  state_ |= fault_told;
  write_errno_ = static_cast<std::uint8_t>(told > 0 ? told : ECONNRESET);
}

void receive_side::announce_end() noexcept {
  if (observer_ == nullptr || !read_ended() || closing() || (state_ & end_announced) != 0) return;
  state_ |= end_announced;
  if ((state_ & read_failed) != 0) {
    const error e = fault(read_errno_, "read from");
    observer_->ended(&e);
  } else {
    observer_->ended(nullptr);
  }
}

void receive_side::receiving_given_to(released_state& rest) noexcept {
  rest.inbox = std::move(inbox_);
  rest.quota = quota_;
}

void receive_side::receiving_taken_from(released_state&& rest) noexcept {
  if (rest.inbox != nullptr) receive_descriptors(std::move(rest.inbox));
  if (rest.quota != 0) quota_ = rest.quota;
}

void receive_side::cancel_receiving() noexcept {
  wring::engine& e = sched_->engine();
  observer_ = nullptr;
  stop_starving();
  e.cancel(*this);
  if (own_receive_ != nullptr) e.cancel(*own_receive_);
  if (!keep_descriptor_) queue_.clear();
}

}  // namespace wring::net::detail
