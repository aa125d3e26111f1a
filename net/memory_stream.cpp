// SPDX-License-Identifier: MIT
#include <optional>
#include <stdexcept>

#include <wring/core/detail/destroyed_in_use.hpp>
#include <wring/net/detail/memory_queued_write.hpp>
#include <wring/net/memory_stream.hpp>

namespace wring::net {

memory_stream::~memory_stream() {
  if (link_ != nullptr && (incoming()->has_reader() || has_writer())) [[unlikely]] {
    wring::detail::destroyed_in_use("a memory stream");
  }
  if (link_ != nullptr) link_->close(side_);
}

detail::memory_pipe* memory_stream::incoming() const noexcept {
  return link_ == nullptr ? nullptr : &link_->pipes[side_];
}

detail::memory_pipe* memory_stream::outgoing() const noexcept {
  return link_ == nullptr ? nullptr : &link_->pipes[1 - side_];
}

bool memory_stream::has_writer() const noexcept {
  const detail::memory_writer* const first = outgoing()->writers.front();
  return first != nullptr && first->is_task();
}

buffer_lease memory_stream::try_read_some() noexcept {
  if (received_ahead() == 0) return {};
  const detail::memory_pipe::quiet later(*incoming());
  detail::memory_read_wait<buffer_lease> read(incoming());
  return read.take_at_once();
}

std::size_t memory_stream::received_ahead() const noexcept {
  return link_ == nullptr || incoming()->has_reader() ? 0 : incoming()->arrived();
}

std::size_t memory_stream::try_write(std::span<const std::span<const std::byte>> parts) noexcept {
  return link_ == nullptr ? 0 : outgoing()->try_put(parts);
}

bool memory_stream::watch(stream_observer* observer) noexcept {
  if (link_ == nullptr || incoming()->reading_closed()) return false;
  incoming()->watch(observer);
  return true;
}

void memory_stream::queue(detail::queued_write& posted) noexcept {
  const error closed(errc::closed, "write to a memory stream");
  const std::optional<error> fault = link_ == nullptr ? closed : outgoing()->write_outcome();
  if (fault) {
    posted.ended(&*fault);
  } else {
    outgoing()->writers.push(posted.emplace<detail::memory_queued_write>(*outgoing(), posted));
  }
}

void memory_stream::abort() noexcept {
  if (link_ == nullptr || incoming()->reading_closed()) return;
  incoming()->close_reading(ECONNRESET);
  outgoing()->break_reading(ECONNRESET);
  outgoing()->close_writing();
}

void memory_stream::fail_read(unsigned nth, int error_number) noexcept {
  if (link_ != nullptr) incoming()->read_fault.plan(nth, error_number);
}

void memory_stream::fail_write(unsigned nth, int error_number) noexcept {
  if (link_ != nullptr) outgoing()->write_fault.plan(nth, error_number);
}

void memory_stream::break_connection(int error_number) noexcept {
  if (link_ == nullptr) return;
  for (detail::memory_pipe& pipe : link_->pipes) pipe.break_both(error_number);
}

std::size_t memory_stream::unread() const noexcept { return link_ == nullptr ? 0 : incoming()->size(); }

std::pair<memory_stream, memory_stream> make_memory_stream_pair(const memory_stream_options& options) {
  if (options.capacity == 0) throw std::invalid_argument("memory_stream: the capacity must be at least one byte");
  if (options.delay < duration()) throw std::invalid_argument("memory_stream: the delay must not be negative");
  if (options.read_chunk == 0) throw std::invalid_argument("memory_stream: the read_chunk must be at least one byte");
  if (options.chunk_seed != 0 && options.read_chunk == unlimited) {
    throw std::invalid_argument("memory_stream: a chunk_seed needs a read_chunk to draw from");
  }
  detail::memory_pipe_options behaviour{.capacity = options.capacity,
                                        .read_chunk = options.read_chunk,
                                        .delay = options.delay.count(),
                                        .seed = options.chunk_seed};
  const detail::memory_pipe_options first = behaviour;
  if (behaviour.seed != 0) behaviour.seed = ~behaviour.seed | 1;
  const auto link = std::make_shared<detail::memory_link>(first, behaviour);
  return {memory_stream(link, 0), memory_stream(link, 1)};
}

}  // namespace wring::net
