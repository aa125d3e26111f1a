// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstring>
#include <utility>

#include <wring/core/scheduler.hpp>
#include <wring/net/detail/memory_pipe.hpp>

namespace wring::net::detail {

memory_pipe::memory_pipe(const memory_pipe_options& options)
    : capacity_(options.capacity),
      read_chunk_(options.read_chunk),
      random_(options.seed),
      delay_(options.delay),
      ring_(std::make_unique_for_overwrite<std::byte[]>(capacity_)),
      arrival_(*this) {}

std::int64_t memory_pipe::due_time() const noexcept {
  // A stream may be closed when its scheduler has been destroyed: nothing waits then.
  const scheduler* s = scheduler::try_current();
  return delay_ == 0 || s == nullptr ? 0 : wring::detail::time_after(s->clock_now(), delay_);
}

std::size_t memory_pipe::chunk() noexcept {
  if (random_ == 0) return read_chunk_;
  // xorshift64, Marsaglia 2003
  random_ ^= random_ << 13;
  random_ ^= random_ >> 7;
  random_ ^= random_ << 17;
  return 1 + static_cast<std::size_t>(random_ % read_chunk_);
}

void memory_pipe::arrive() noexcept {
  if (under_way_.empty()) return;
  const std::int64_t now = scheduler::current().clock_now();
  for (; !under_way_.empty() && under_way_.front().due <= now; under_way_.pop_front()) {
    arrived_ += under_way_.front().size;
    ++arrivals_;
  }
}

bool memory_pipe::end_arrived() const noexcept {
  return shut_ && under_way_.empty() && (delay_ == 0 || end_due_ <= scheduler::current().clock_now());
}

bool memory_pipe::readable() noexcept {
  arrive();
  return read_error_ || arrived_ != 0 || !returned_.empty() || end_arrived();
}

std::optional<result<std::size_t>> memory_pipe::look(std::size_t most) noexcept {
  if (!readable()) return {};
  if (read_error_) return *read_error_;
  if (!returned_.empty()) [[unlikely]]
    return std::min({returned_.size(), most, chunk()});
  return arrived_ == 0 ? 0 : std::min({arrived_, most, chunk()});
}

void memory_pipe::take(std::span<std::byte> into) noexcept {
  if (!returned_.empty()) [[unlikely]] {
    const auto end = returned_.begin() + static_cast<std::ptrdiff_t>(into.size());
    std::copy(returned_.begin(), end, into.begin());
    returned_.erase(returned_.begin(), end);
    return;
  }
  const std::size_t straight = std::min(into.size(), capacity_ - first_);
  std::memcpy(into.data(), &ring_[first_], straight);
  std::memcpy(into.data() + straight, &ring_[0], into.size() - straight);
  first_ = (first_ + into.size()) % capacity_;
  size_ -= into.size();
  arrived_ -= into.size();
}

void memory_pipe::give_back(std::span<const std::byte> bytes) noexcept {
  if (read_error_ || bytes.empty()) return;
  returned_.insert(returned_.begin(), bytes.begin(), bytes.end());
  settle();
}

void memory_pipe::cancel_wait() noexcept {
  reader_ = nullptr;
  await_arrival();
}

void memory_pipe::watch(stream_observer* observer) noexcept {
  observer_ = reading_closed() ? nullptr : observer;
  // A new observer is told of everything that has arrived.
  told_ = arrivals_ - (arrived_ != 0 || !returned_.empty() ? 1 : 0);
  end_told_ = false;
  settle();
}

void memory_pipe::drop() noexcept {
  returned_.clear();
  first_ = size_ = arrived_ = 0;
  under_way_.clear();
}

void memory_pipe::close_reading(int error_number) noexcept {
  drop();
  observer_ = nullptr;
  read_error_ = error(errc::closed, "read from a memory stream");
  if (!write_error_) write_error_ = error::from_errno(error_number, "write to a memory stream");
  settle();
}

std::size_t memory_pipe::put(std::span<const std::byte> data) noexcept {
  const std::size_t count = std::min(data.size(), capacity_ - size_);
  if (count == 0) return 0;
  const std::size_t start = (first_ + size_) % capacity_;
  const std::size_t straight = std::min(count, capacity_ - start);
  std::memcpy(&ring_[start], data.data(), straight);
  std::memcpy(&ring_[0], data.data() + straight, count - straight);
  size_ += count;
  if (delay_ == 0) {
    arrived_ += count;
    ++arrivals_;
  } else if (const std::int64_t due = due_time(); !under_way_.empty() && under_way_.back().due == due) {
    under_way_.back().size += count;
  } else {
    under_way_.push_back({due, count});
  }
  return count;
}

std::size_t memory_pipe::try_put(std::span<const std::span<const std::byte>> parts) noexcept {
  if (write_error_ || shut_ || !writers.empty()) return 0;
  std::size_t count = 0;
  for (const std::span<const std::byte> part : parts) {
    const std::size_t put_of_part = put(part);
    count += put_of_part;
    if (put_of_part != part.size()) break;
  }
  settle();
  return count;
}

void memory_pipe::end() noexcept {
  if (shut_) return;
  shut_ = true;
  end_due_ = due_time();
}

void memory_pipe::tear(std::size_t written) noexcept {
  if (!write_error_) write_error_ = error(errc::write_torn, "write to a memory stream").with_count(written);
}

void memory_pipe::close_writing() noexcept {
  write_error_ = error(errc::closed, "write to a memory stream");
  end();
  settle();
}

void memory_pipe::break_reading(int error_number) noexcept {
  if (!read_error_) {
    drop();
    read_error_ = error::from_errno(error_number, "read from a memory stream");
  }
  settle();
}

void memory_pipe::break_both(int error_number) noexcept {
  if (!write_error_) write_error_ = error::from_errno(error_number, "write to a memory stream");
  break_reading(error_number);
}

void memory_pipe::settle() noexcept {
  for (bool moved = true; moved;) {
    moved = false;
    for (memory_writer* w = writers.front(); w != nullptr && w->advance(); w = writers.front()) {
      writers.remove(*w);
      w->finish();
    }
    if (reader_ != nullptr && readable()) {
      std::exchange(reader_, nullptr)->arrived();  // makes room: the writers are checked again
      moved = true;
    }
  }
  if (observer_ != nullptr && !quiet_) tell_observer();
  await_arrival();
}

// Each call may take the observer away.
void memory_pipe::tell_observer() noexcept {
  arrive();
  if (arrivals_ != told_ && arrived_ + returned_.size() != 0) {
    told_ = arrivals_;
    observer_->arrived();
  }
  if (observer_ == nullptr || end_told_ || (!read_error_ && !end_arrived())) return;
  end_told_ = true;
  observer_->ended(read_error_ ? &*read_error_ : nullptr);
}

// What is read makes room, which a writer fills: the observer must not be told of that before what was read is there.
memory_pipe::quiet::~quiet() {
  pipe_.quiet_ = false;
  const bool some = pipe_.arrived_ + pipe_.returned_.size() != 0;
  const bool untold = (some && pipe_.arrivals_ != pipe_.told_) || (!pipe_.end_told_ && pipe_.end_arrived());
  if (pipe_.observer_ == nullptr || !untold) return;
  scheduler& s = scheduler::current();
  s.timers().schedule(pipe_.arrival_, s.clock_now());
}

// What waits for them is resumed by the clock.
void memory_pipe::await_arrival() noexcept {
  const bool wanted = reader_ != nullptr || observer_ != nullptr;
  const bool end_due = shut_ && delay_ != 0 && !read_error_ && (reader_ != nullptr || !end_told_);
  if (wanted && !under_way_.empty()) {
    scheduler::current().timers().schedule(arrival_, under_way_.front().due);
  } else if (wanted && end_due) {
    scheduler::current().timers().schedule(arrival_, end_due_);
  } else if (arrival_.armed()) {
    scheduler::current().timers().cancel(arrival_);
  }
}

}  // namespace wring::net::detail
