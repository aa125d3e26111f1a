// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <sys/socket.h>

#include <wring/core/detail/frame_recycler.hpp>
#include <wring/core/log.hpp>
#include <wring/net/detail/socket_calls.hpp>
#include <wring/net/detail/socket_close_wait.hpp>
#include <wring/net/detail/socket_send_wait.hpp>
#include <wring/net/detail/stream_socket.hpp>

namespace wring::net::detail {

using wring::detail::frame_recycler;

namespace {

/// Errors of a send that are the connection's own: they end it.
bool is_connection_fault(int error_number) noexcept {
  switch (error_number) {
    case ECONNABORTED:
    case ECONNREFUSED:
    case ECONNRESET:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case ENETDOWN:
    case ENETRESET:
    case ENETUNREACH:
    case EPROTO:
    case ETIMEDOUT:
      return true;
    default:
      return false;
  }
}

}  // namespace

void* stream_socket::operator new(std::size_t size) { return frame_recycler::allocate(size); }
void stream_socket::operator delete(void* block, std::size_t size) noexcept { frame_recycler::deallocate(block, size); }

stream_socket::stream_socket(descriptor owned, const socket_address& peer)
    : fd_(std::move(owned)), sched_(&scheduler::current()), peer_{} {
  code = op_code::receive_multishot;
  fd = fd_.get();
  on_completion = [](operation& op, completion c) noexcept { static_cast<stream_socket&>(op).on_receive(c); };
  starved_.socket = this;
  starved_.on_buffer = [](buffer_pool::waiter& w) noexcept { static_cast<starvation&>(w).socket->arm(); };
  sched_->engine().register_descriptor(fd);
  if (peer.is_ip()) std::memcpy(&peer_, peer.data(), std::min<std::size_t>(peer.size(), sizeof peer_));
}

socket_address stream_socket::peer() const noexcept {
  return socket_address::from_sockaddr(&peer_.any, peer_.any.sa_family == AF_INET6 ? sizeof peer_.v6 : sizeof peer_.v4);
}

error stream_socket::fault(int error_number, const char* operation_name) const noexcept {
  return error::from_errno(error_number, operation_name).with_address(peer());
}

error stream_socket::fault(errc code_, const char* operation_name) const noexcept {
  return error(code_, operation_name).with_address(peer());
}

// Reading.

// There is no memory to keep bytes that have come. Nothing may follow the gap: reading fails from here on.
void stream_socket::lose_bytes() noexcept {
  while (first_ != nullptr) static_cast<void>(pop());
  state_ |= read_failed;
  read_errno_ = ENOMEM;
  sched_->engine().cancel(*this);
}

void stream_socket::push(buffer_lease&& chunk, bool front) noexcept {
  queued* node = nullptr;
  try {
    node = ::new (frame_recycler::allocate(sizeof(queued))) queued{nullptr, std::move(chunk)};
  } catch (const std::bad_alloc&) {
    return lose_bytes();
  }
  queued_bytes_ += node->chunk.size() + chunk_overhead;
  if (front) {
    node->next = first_;
    first_ = node;
    if (last_ == nullptr) last_ = node;
  } else {
    (last_ != nullptr ? last_->next : first_) = node;
    last_ = node;
  }
}

buffer_lease stream_socket::pop() noexcept {
  queued* node = first_;
  if (node == nullptr) return {};
  first_ = node->next;
  if (first_ == nullptr) last_ = nullptr;
  buffer_lease chunk = std::move(node->chunk);
  std::destroy_at(node);
  frame_recycler::deallocate(node, sizeof(queued));
  queued_bytes_ -= chunk.size() + chunk_overhead;
  return chunk;
}

std::size_t stream_socket::pop(std::span<std::byte> into) noexcept {
  std::size_t count = 0;
  while (count < into.size() && first_ != nullptr) {
    buffer_lease& chunk = first_->chunk;
    const std::size_t part = std::min(chunk.size(), into.size() - count);
    std::memcpy(into.data() + count, chunk.data(), part);
    count += part;
    if (part == chunk.size()) {
      static_cast<void>(pop());
    } else {
      chunk.consume(part);
      queued_bytes_ -= part;
    }
  }
  return count;
}

std::vector<std::byte> stream_socket::take_all() {
  std::vector<std::byte> all;
  while (const buffer_lease chunk = pop()) all.insert(all.end(), chunk.begin(), chunk.end());
  return all;
}

result<void> stream_socket::read_outcome() const noexcept {
  if (closing()) return fault(errc::closed, "read from");
  if (read_errno_ != 0) return fault(read_errno_, "read from");
  return {};
}

void stream_socket::wait(socket_receive_wait& r) noexcept {
  reader_ = &r;
  if (!receiving()) arm();
}

void stream_socket::arm() noexcept { sched_->engine().submit(*this); }

void stream_socket::wake_reader() noexcept {
  if (reader_ != nullptr) std::exchange(reader_, nullptr)->received();
}

// What a receive said that brought no bytes: the end, a fault, or nothing (cancelled, interrupted).
void stream_socket::note_read_end(std::int32_t outcome) noexcept {
  if (outcome == 0 && (state_ & fault_told) != 0) {
    state_ |= read_failed;
    read_errno_ = write_errno_;
  } else if (outcome == 0) {
    state_ |= end_of_file;
  } else if (outcome < 0 && outcome != -ECANCELED && outcome != -EINTR && outcome != -EAGAIN) {
    state_ |= read_failed;
    read_errno_ = static_cast<std::int16_t>(-outcome);
  }
}

void stream_socket::on_receive(completion c) noexcept {
  if (c.has_buffer() && c.more() && c.result > 0 && reader_ != nullptr && first_ == nullptr) [[likely]] {
    hand_over(c);
  } else {
    received_otherwise(c);
  }
}

inline void stream_socket::hand_over(completion c) noexcept {
  socket_receive_wait& r = *std::exchange(reader_, nullptr);
  // Empty until now, so there is nothing to give back.
  ::new (&r.chunk_) auto(sched_->engine().buffers().lease(c.buffer(), static_cast<std::size_t>(c.result)));
  r.received();
}

// Before anybody waits, or behind what nobody has taken, or for the last time.
void stream_socket::received_otherwise(completion c) noexcept {
  if (c.has_buffer()) {
    if (reader_ != nullptr && first_ == nullptr && c.result > 0) {
      hand_over(c);
    } else {
      keep(sched_->engine().buffers().lease(c.buffer(), static_cast<std::size_t>(std::max(c.result, 0))));
    }
  }
  if (!c.more()) receive_ended(c.result);
}

void stream_socket::keep(buffer_lease&& chunk) noexcept {
  if (chunk.empty() || (closing() && !keep_descriptor_) || (state_ & read_failed) != 0) return;
  // Few bytes do not tie up a buffer of the pool until somebody reads them, nor do any once half of the pool is in use:
  // otherwise streams whose tasks do not read could stop all the others.
  const buffer_pool& pool = sched_->engine().buffers();
  if (chunk.size() <= pool.buffer_size() / 8 || pool.leased() > pool.capacity() / 2) {
    try {
      chunk = buffer_lease::copy_of(chunk);
    } catch (const std::bad_alloc&) {
      // Then they stay where they are.
    }
  }
  push(std::move(chunk), false);
  if (queued_bytes_ >= quota_) sched_->engine().cancel(*this);
}

void stream_socket::receive_ended(std::int32_t outcome) noexcept {
  buffer_pool& pool = sched_->engine().buffers();
  if (outcome <= 0 && outcome != -ENOBUFS) pool.pass_on();
  if (closing()) return finish_close();
  if (outcome == -ENOBUFS) {
    if (reader_ != nullptr && pool.wait(starved_)) return;
  } else {
    note_read_end(outcome);
  }
  if (reader_ == nullptr) {
    if (outcome == -ECANCELED && sched_->ends_leftovers()) {
      log::warn("a connection outlives the tasks of its scheduler: nothing is received from it any more",
                {"peer", peer()});
    }
    return;
  }
  if (read_ended()) {
    wake_reader();
  } else {
    arm();
  }
}

void stream_socket::own_receive_begins(operation& op) noexcept {
  own_receive_ = &op;
  sched_->engine().submit(op);
}

bool stream_socket::own_receive_ended(operation& op, std::int32_t outcome, bool wanted) noexcept {
  own_receive_ = nullptr;
  if (outcome > 0 && !wanted && (!closing() || keep_descriptor_)) {
    // Copied, as the memory is the reader's.
    try {
      buffer_lease chunk = buffer_lease::allocate(static_cast<std::size_t>(outcome));
      std::memcpy(chunk.data(), op.data, chunk.size());
      push(std::move(chunk), false);
    } catch (const std::bad_alloc&) {
      lose_bytes();
    }
  }
  note_read_end(outcome);
  if (closing()) finish_close();
  return outcome > 0 && wanted;
}

void stream_socket::give_back(buffer_lease&& chunk) noexcept {
  if (chunk.empty() || (closing() && !keep_descriptor_)) return;
  put_back(std::move(chunk));
  if (reader_ != nullptr) {
    socket_receive_wait& r = *reader_;
    cancel_wait();
    r.chunk_ = pop();
    r.received();
  } else if (own_receive_ != nullptr) {
    sched_->engine().cancel(*own_receive_);  // whatever it brings comes after these
  }
}

// Writing.

result<void> stream_socket::write_outcome() const noexcept {
  if ((state_ & (is_closing | write_shut)) != 0) return fault(errc::closed, "write to");
  if ((state_ & write_torn) != 0) return fault(errc::write_torn, "write to").with_count(torn_after_);
  if (write_errno_ != 0) return fault(write_errno_, "write to");
  return {};
}

void stream_socket::queue(socket_send_wait& s) noexcept {
  if (sending_ != nullptr) {
    send_queue_.push(s);
  } else {
    sending_ = &s;
    if (s.send()) sending_ = nullptr;
  }
}

void stream_socket::unqueue(socket_send_wait& s) noexcept { send_queue_.remove(s); }

void stream_socket::next_send(const socket_send_wait& s) noexcept {
  if (sending_ == &s) sending_ = nullptr;
  while (!send_queue_.empty() && sending_ == nullptr) {
    socket_send_wait& successor = *send_queue_.pop();
    if (!writable()) {
      successor.refuse();
    } else {
      sending_ = &successor;
      if (successor.send()) sending_ = nullptr;
    }
  }
  if (closing()) finish_close();
}

int stream_socket::note_write_error(int error_number) noexcept {
  if (error_number == EPIPE && (state_ & end_of_file) == 0) {
    // This side was not shut down, so the peer has reset the connection, and the read was told that, or will be.
    error_number = read_errno_ != 0 ? read_errno_ : ECONNRESET;
  } else if (is_connection_fault(error_number)) {
    state_ |= fault_told;
  }
  state_ |= write_failed;
  write_errno_ = static_cast<std::int16_t>(error_number);
  return error_number;
}

void stream_socket::note_torn(std::uint64_t sent) noexcept {
  state_ |= write_torn;
  torn_after_ = sent;
}

// The end.

void stream_socket::close(bool keep, socket_close_wait* waiter) noexcept {
  if (waiter != nullptr) closers_.push(*waiter);
  if (!closing()) {
    state_ |= is_closing;
    keep_descriptor_ = keep;
    wring::engine& e = sched_->engine();
    e.buffers().cancel(starved_);
    e.cancel(*this);
    if (own_receive_ != nullptr) e.cancel(*own_receive_);
    if (sending_ != nullptr) e.cancel(*sending_);
    while (!send_queue_.empty()) send_queue_.pop()->refuse();
    while (!keep && first_ != nullptr) static_cast<void>(pop());
    wake_reader();
  }
  finish_close();
}

void stream_socket::abandon() noexcept {
  if (scheduler::try_current() != sched_) [[unlikely]] {
    std::fprintf(stderr, "wring: a stream (descriptor %d) was destroyed outside of its scheduler's thread or life\n",
                 fd_.get());
    std::abort();
  }
  if (has_reader() || sending_ != nullptr || !closers_.empty()) [[unlikely]] {
    std::fprintf(stderr, "wring: a stream (descriptor %d) was destroyed while a task is suspended on it\n", fd_.get());
    std::abort();
  }
  abandoned_ = true;
  close(false, nullptr);
}

void stream_socket::finish_close() noexcept {
  if (in_use()) return;
  if (fd_.get() >= 0) sched_->engine().unregister_descriptor(fd_.get());
  if (!keep_descriptor_ || abandoned_) {
    // close(2) would hold up the whole scheduler.
    if (shared_ && fd_.get() >= 0) [[unlikely]]
      do_not_linger(sched_->engine(), fd_.get());
    fd_ = descriptor();
  }
  while (!closers_.empty()) closers_.pop()->closed();
  if (abandoned_) delete this;
}

}  // namespace wring::net::detail
