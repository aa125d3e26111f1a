// SPDX-License-Identifier: MIT
#include <wring/net/detail/stream_socket.hpp>

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <wring/core/detail/frame_recycler.hpp>
#include <wring/net/detail/receive_waits.hpp>
#include <wring/net/detail/sender.hpp>

namespace wring::net::detail {

using wring::detail::frame_recycler;

void* stream_socket::operator new(std::size_t size) { return frame_recycler::allocate(size); }
void stream_socket::operator delete(void* block, std::size_t size) noexcept { frame_recycler::deallocate(block, size); }

stream_socket::stream_socket(descriptor owned, const socket_address& peer)
    : fd_(std::move(owned)), sched_(&scheduler::current()), peer_{} {
  code = op_code::receive_multishot;
  fd = fd_.get();
  poll_first = true;
  on_completion = [](operation& op, const completion& c) noexcept { static_cast<stream_socket&>(op).on_receive(c); };
  starved_.socket = this;
  starved_.on_buffer = [](buffer_pool::waiter& w) noexcept { static_cast<starvation&>(w).socket->arm(); };
  if (peer.is_ip()) std::memcpy(&peer_, peer.data(), std::min<std::size_t>(peer.size(), sizeof peer_));
}

stream_socket::~stream_socket() {
  while (first_ != nullptr) static_cast<void>(take());
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

void stream_socket::push(buffer_lease&& chunk, bool front) noexcept {
  queued_bytes_ += chunk.size();
  auto* node = ::new (frame_recycler::allocate(sizeof(queued))) queued{nullptr, std::move(chunk)};
  if (front) {
    node->next = first_;
    first_ = node;
    if (last_ == nullptr) last_ = node;
  } else {
    (last_ != nullptr ? last_->next : first_) = node;
    last_ = node;
  }
}

buffer_lease stream_socket::take() noexcept {
  queued* node = first_;
  if (node == nullptr) return {};
  first_ = node->next;
  if (first_ == nullptr) last_ = nullptr;
  buffer_lease chunk = std::move(node->chunk);
  std::destroy_at(node);
  frame_recycler::deallocate(node, sizeof(queued));
  queued_bytes_ -= chunk.size();
  return chunk;
}

std::size_t stream_socket::take(std::span<std::byte> into) noexcept {
  std::size_t count = 0;
  while (count < into.size() && first_ != nullptr) {
    buffer_lease& chunk = first_->chunk;
    const std::size_t part = std::min(chunk.size(), into.size() - count);
    std::memcpy(into.data() + count, chunk.data(), part);
    count += part;
    if (part == chunk.size()) {
      static_cast<void>(take());
    } else {
      chunk.consume(part);
      queued_bytes_ -= part;
    }
  }
  return count;
}

std::vector<std::byte> stream_socket::take_all() {
  std::vector<std::byte> all(queued_bytes_);
  static_cast<void>(take(all));
  return all;
}

result<void> stream_socket::read_outcome() const noexcept {
  if (closing_) return fault(errc::closed, "read from");
  if (read_errno_ != 0) return fault(read_errno_, "read from");
  return {};
}

void stream_socket::wait(receiver& r) noexcept {
  receiver_ = &r;
  if (!receiving()) arm();
}

void stream_socket::arm() noexcept { sched_->engine().submit(*this); }

void stream_socket::deliver(buffer_lease&& chunk) noexcept {
  if (receiver* const r = std::exchange(receiver_, nullptr); r != nullptr) r->received(std::move(chunk));
}

void stream_socket::on_receive(const completion& c) noexcept {
  if (c.buffer != completion::no_buffer) {
    buffer_lease chunk = sched_->engine().buffers().lease(c.buffer, static_cast<std::size_t>(std::max(c.result, 0)));
    if (!chunk.empty() && !closing_) {
      if (receiver_ != nullptr && first_ == nullptr) {
        deliver(std::move(chunk));
      } else {
        push(std::move(chunk), false);
        if (queued_bytes_ >= quota_) sched_->engine().request_stop(*this);
      }
    }
  }
  if (c.more) return;
  if (closing_) return finish_close();
  if (c.result == 0) {
    end_of_file_ = true;
  } else if (c.result == -ENOBUFS) {
    poll_first = false;  // there are bytes
    if (sched_->engine().buffers().wait(starved_)) return;
  } else if (c.result < 0 && c.result != -ECANCELED && c.result != -EINTR && c.result != -EAGAIN) {
    read_errno_ = static_cast<std::int16_t>(-c.result);
  }
  if (receiver_ == nullptr) return;
  if (read_ended()) {
    deliver({});
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
  if (outcome > 0 && !wanted && !closing_) {
    // Copied, as the memory is the reader's.
    buffer_lease chunk = buffer_lease::allocate(static_cast<std::size_t>(outcome));
    std::memcpy(chunk.data(), op.data, chunk.size());
    put_back(std::move(chunk));
  } else if (outcome == 0) {
    end_of_file_ = true;
  } else if (outcome < 0 && outcome != -ECANCELED && outcome != -EINTR && outcome != -EAGAIN) {
    read_errno_ = static_cast<std::int16_t>(-outcome);
  }
  if (closing_) finish_close();
  return outcome > 0 && wanted;
}

// Writing.

result<void> stream_socket::write_outcome() const noexcept {
  if (closing_ || write_shut_) return fault(errc::closed, "write to");
  if (write_torn_) return fault(errc::write_torn, "write to").with_count(torn_after_);
  if (write_errno_ != 0) return fault(write_errno_, "write to");
  return {};
}

void stream_socket::queue(sender& s) noexcept {
  if (sending_ != nullptr) {
    senders_.push(s);
  } else {
    sending_ = &s;
    s.send();
  }
}

void stream_socket::unqueue(sender& s) noexcept { senders_.remove(s); }

void stream_socket::sender_ended(sender& s) noexcept {
  if (sending_ == &s) sending_ = nullptr;
  while (sending_ == nullptr && !senders_.empty()) {
    sender& successor = *senders_.pop();
    if (!write_outcome()) {
      successor.refuse();
    } else {
      sending_ = &successor;
      successor.send();
    }
  }
  if (closing_) finish_close();
}

void stream_socket::note_torn(std::uint64_t sent) noexcept {
  write_torn_ = true;
  torn_after_ = sent;
}

// The end.

void stream_socket::reset_on_close() noexcept {
  const ::linger now{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

void stream_socket::close(bool keep, close_wait* waiter) noexcept {
  if (waiter != nullptr) closers_.push(*waiter);
  if (!closing_) {
    closing_ = true;
    keep_descriptor_ = keep;
    engine& e = sched_->engine();
    e.buffers().cancel(starved_);
    e.request_stop(*this);
    if (own_receive_ != nullptr) e.request_stop(*own_receive_);
    if (sending_ != nullptr) e.request_stop(*sending_);
    while (!senders_.empty()) senders_.pop()->refuse();
    deliver({});
  }
  finish_close();
}

void stream_socket::abandon() noexcept {
  if (has_reader() || sending_ != nullptr || !closers_.empty()) [[unlikely]] {
    std::fprintf(stderr, "wring: a stream (descriptor %d) was destroyed while a task is suspended on it\n", fd_.get());
    std::abort();
  }
  abandoned_ = true;
  close(false, nullptr);
}

void stream_socket::finish_close() noexcept {
  if (in_use()) return;
  if (!keep_descriptor_) fd_ = descriptor();
  while (!closers_.empty()) closers_.pop()->closed();
  if (abandoned_) delete this;
}

}  // namespace wring::net::detail
