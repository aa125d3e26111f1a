// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cerrno>
#include <new>
#include <poll.h>
#include <utility>

#include <wring/core/scheduler.hpp>
#include <wring/net/files/detail/pipe_wait.hpp>

namespace wring::net::detail {

using wring::detail::pipe_access;

namespace {

constexpr std::size_t chunk = std::size_t{64} * 1024;
constexpr std::size_t most_at_once = std::size_t{1} << 30;
// As much fits into a pipe that poll(2) calls writable.
constexpr std::size_t most_of_shared = 4096;
constexpr auto file_position = static_cast<std::uint64_t>(-1);

}  // namespace

bool pipe_end_state::close() noexcept {
  if (closing) return true;
  closing = true;
  if (active == nullptr) return fd = descriptor(), true;
  active->stop();
  return false;
}

void pipe_end_state::settle() noexcept {
  if (!closing || active != nullptr) return;
  fd = descriptor();
  if (closer != nullptr) std::exchange(closer, nullptr)->closed();
}

void pipe_write_state::append(pipe_write_wait& w) noexcept {
  w.before_ = last;
  w.after_ = nullptr;
  (last != nullptr ? last->after_ : first) = &w;
  last = &w;
}

void pipe_write_state::remove(pipe_write_wait& w) noexcept {
  (w.before_ != nullptr ? w.before_->after_ : first) = w.after_;
  (w.after_ != nullptr ? w.after_->before_ : last) = w.before_;
}

void pipe_write_state::next_turn() noexcept {
  while (first != nullptr && first->begin_turn()) {
    pipe_write_wait& over = *first;
    remove(over);
    over.complete();
  }
}

pipe_wait::pipe_wait(pipe_end_state* s, const char* text) noexcept : end_(s), text_(text) {
  on_completion = [](operation& op, completion c) noexcept {
    auto& wait = static_cast<pipe_wait&>(op);
    pipe_end_state& end = *wait.end_;
    end.active = nullptr;
    wait.ended(c.result);
    end.settle();
  };
}

bool pipe_wait::refused() noexcept {
  if (end_ == nullptr) {
    fault_ = error(errc::closed, text_);
  } else if (!end_->is_open()) {
    fail(errc::closed);
  }
  return fault_.has_value();
}

void pipe_wait::begin() noexcept {
  fd = end_->fd.get();
  end_->active = this;
  home().engine().submit(*this);
}

void pipe_wait::poll_for(unsigned events) noexcept {
  code = op_code::poll;
  flags = events;
  polling_ = true;
  begin();
}

void pipe_wait::transfer(op_code what, std::byte* memory, std::size_t size) noexcept {
  code = what;
  flags = 0;
  data = memory;
  length = static_cast<std::uint32_t>(size);
  offset = file_position;
  polling_ = false;
  begin();
}

void pipe_wait::stop() noexcept { home().engine().cancel(*this); }

wait_description pipe_wait::describe() const noexcept {
  return {.operation = text_,
          .fd = end_ == nullptr ? -1 : end_->fd.get(),
          .address = end_ == nullptr ? error_address() : end_->name};
}

template <class T>
pipe_read_wait<T>::pipe_read_wait(pipe_read_state* s, std::span<std::byte> into) noexcept
    : base(s, "read from"), into_(into) {}

template <class T>
bool pipe_read_wait<T>::ready() noexcept {
  if (!leases && into_.empty()) return true;
  if (this->refused()) return true;
  if (this->end_->active != nullptr) return this->fail(errc::busy), true;
  if (take_front() || state().at_end) return true;
  if (state().lost) return this->fail(ENOMEM), true;
  return this->attempts() && attempt();
}

template <class T>
void pipe_read_wait<T>::suspend() noexcept {
  if (this->end_->access != pipe_access::file) return this->poll_for(POLLIN);
  if (!find_memory()) return this->complete();
  this->transfer(op_code::read, into_.data(), std::min(into_.size(), most_at_once));
}

template <class T>
bool pipe_read_wait<T>::take_front() noexcept {
  receive_queue& front = state().front;
  if (front.empty()) return false;
  if constexpr (leases) {
    lease_ = front.pop();
  } else {
    count_ = front.pop(into_);
  }
  return true;
}

template <class T>
bool pipe_read_wait<T>::find_memory() noexcept {
  if constexpr (leases) {
    auto found = scheduler::current().blocks().try_acquire(chunk);
    if (!found) {
      this->fault_ = found.error().with_address(this->end_->name);
      return false;
    }
    lease_ = std::move(*found);
    into_ = std::span(lease_.data(), lease_.size());
  }
  return true;
}

template <class T>
bool pipe_read_wait<T>::attempt() noexcept {
  if (!find_memory()) return true;
  const std::int32_t r = wring::detail::read_at_once(this->end_->fd.get(), this->end_->access, into_);
  if (r == -EAGAIN) return lease_.reset(), false;
  store(r);
  return true;
}

template <class T>
void pipe_read_wait<T>::store(std::int32_t value) noexcept {
  if (value == -EIO && this->end_->hang_up_is_end) value = 0;
  if (value < 0) {
    lease_.reset();
    return this->fail(value);
  }
  count_ = static_cast<std::size_t>(value);
  lease_.truncate(leases ? count_ : 0);
  state().at_end = count_ == 0;
}

template <class T>
void pipe_read_wait<T>::ended(std::int32_t value) noexcept {
  if (this->polling_ && (this->end_->closing || this->cancel_requested() || value < 0)) {
    // Nothing was taken.
    if (this->cancel_requested()) return this->confirm_cancel();
    if (this->end_->closing) {
      this->fail(errc::closed);
    } else {
      this->fail(value);
    }
    return this->complete();
  }
  if (this->polling_ && this->attempts()) {
    // Somebody else may have been faster.
    if (!attempt()) return this->poll_for(POLLIN);
    return this->complete();
  }
  if (this->polling_) {
    if (!find_memory()) return this->complete();
    return this->transfer(op_code::read, into_.data(), std::min(into_.size(), most_at_once));
  }
  if (value == -ECANCELED && this->end_->closing) {
    lease_.reset();
    this->fail(errc::closed);
  } else {
    store(value);
  }
  if (!this->cancel_requested()) return this->complete();
  if (value > 0) give_back();
  this->confirm_cancel();
}

template <class T>
void pipe_read_wait<T>::give_back() noexcept {
  bool kept = false;
  if constexpr (leases) {
    kept = state().front.put_back(std::move(lease_));
  } else {
    try {
      kept = state().front.put_back(buffer_lease::copy_of(into_.first(count_)));
    } catch (const std::bad_alloc&) {
      kept = false;
    }
  }
  if (!kept) state().lost = true;
}

template <class T>
T pipe_read_wait<T>::take() {
  if (this->fault_) this->fault_->raise();
  if constexpr (leases) {
    return std::move(lease_);
  } else {
    return count_;
  }
}

template <class T>
wring::result<T> pipe_read_wait<T>::take_result() noexcept {
  if (this->fault_) return *this->fault_;
  if constexpr (leases) {
    return std::move(lease_);
  } else {
    return count_;
  }
}

template <class T>
void pipe_read_wait<T>::put_back(T& value) noexcept {
  if (this->end_ == nullptr) return;
  if constexpr (leases) {
    if (value.empty()) return;
    lease_ = std::move(value);
  } else {
    if (value == 0) return;
    count_ = value;
  }
  give_back();
}

template class pipe_read_wait<buffer_lease>;
template class pipe_read_wait<std::size_t>;

pipe_write_wait::pipe_write_wait(pipe_write_state* s) noexcept : leaf(s, "shut down the writing of"), ends_(true) {}

pipe_write_wait::pipe_write_wait(pipe_write_state* s, part bytes) noexcept
    : leaf(s, "write to"), single_(bytes), parts_(&single_, 1) {}

pipe_write_wait::pipe_write_wait(pipe_write_state* s, std::span<const part> parts) noexcept
    : leaf(s, "write to"), parts_(parts) {}

bool pipe_write_wait::ready() noexcept {
  // Once is enough.
  if (ends_ && end_ != nullptr && !end_->closing && state().ended) return true;
  if (refused()) return true;
  if (state().first != nullptr) return false;
  if (impossible()) return true;
  if (ends_) return end_writing(), true;
  wrote(0);
  if (parts_.empty()) return true;
  return attempts() && attempt();
}

void pipe_write_wait::suspend() noexcept {
  state().append(*this);
  // What could be written at once has been, in ready().
  if (state().first == this) static_cast<void>(proceed());
}

bool pipe_write_wait::impossible() noexcept {
  if (end_->closing) {
    fail(errc::closed);
  } else if (state().torn) {
    fail(errc::write_torn);
  } else if (state().ended && !ends_) {
    fail(errc::closed);
  }
  return fault_.has_value();
}

bool pipe_write_wait::begin_turn() noexcept {
  if (impossible()) return true;
  if (ends_) return end_writing(), true;
  wrote(0);
  if (parts_.empty() || (attempts() && attempt())) return true;
  return proceed();
}

void pipe_write_wait::end_writing() noexcept {
  if (std::exchange(state().ended, true)) return;
  wring::detail::end_output(end_->fd.get(), end_->access);
  // The reader of a pipe sees the end when nobody has the other open.
  if (end_->access == pipe_access::own) end_->fd = descriptor();
}

// Waits for room, or writes what needs none. False: it is under way.
bool pipe_write_wait::proceed() noexcept {
  if (end_->access == pipe_access::file) {
    const part piece = parts_.front().subspan(skip_);
    transfer(op_code::write, const_cast<std::byte*>(piece.data()), std::min(piece.size(), most_at_once));
  } else {
    poll_for(POLLOUT);
  }
  return false;
}

void pipe_write_wait::wrote(std::size_t count) noexcept {
  if (count != 0) begun_ = true;
  skip_ += count;
  while (!parts_.empty() && skip_ >= parts_.front().size()) {
    skip_ -= parts_.front().size();
    parts_ = parts_.subspan(1);
  }
}

// Whether it is over.
bool pipe_write_wait::attempt() noexcept {
  do {
    const std::int32_t r = wring::detail::write_at_once(end_->fd.get(), end_->access, parts_, skip_);
    if (r == -EAGAIN) return false;
    if (r < 0) {
      if (begun_) state().torn = true;
      fail(r);
      return true;
    }
    wrote(static_cast<std::size_t>(r));
  } while (!parts_.empty());
  return true;
}

void pipe_write_wait::cancel() noexcept {
  if (state().first == this) return stop();
  state().remove(*this);
  confirm_cancel();
}

void pipe_write_wait::ended(std::int32_t value) noexcept {
  pipe_write_state& s = state();
  if (!polling_ && value > 0) wrote(static_cast<std::size_t>(value));
  if (!polling_ && value == 0) value = -EIO;
  const bool all = parts_.empty();
  if (!all && value >= 0 && !cancel_requested() && !end_->closing) {
    if (polling_ && !attempts()) {
      const part piece = parts_.front().subspan(skip_);
      transfer(op_code::write, const_cast<std::byte*>(piece.data()), std::min(piece.size(), most_of_shared));
      return;
    }
    if (!(polling_ && attempt()) && !proceed()) return;
  } else if (!all) {
    if (begun_) s.torn = true;
    const bool undisturbed = value >= 0 || value == -ECANCELED;
    if (!undisturbed) {
      fail(value);
    } else if (!cancel_requested()) {
      fail(errc::closed);
    }
  }
  s.remove(*this);
  if (cancel_requested() && !fault_ && !parts_.empty()) {
    confirm_cancel();
  } else {
    complete();
  }
  s.next_turn();
}

wring::result<void> pipe_write_wait::take_result() const noexcept {
  if (fault_) return *fault_;
  return {};
}

bool pipe_close_wait::ready() noexcept {
  const bool one = one_ == nullptr || one_->close();
  const bool other = other_ == nullptr || other_->close();
  return one && other;
}

void pipe_close_wait::suspend() noexcept {
  for (pipe_end_state* const end : {one_, other_}) {
    if (end == nullptr || end->fd.get() < 0 || end->closer != nullptr) continue;
    end->closer = this;
    ++left_;
  }
}

void pipe_close_wait::closed() noexcept {
  if (--left_ == 0) complete();
}

}  // namespace wring::net::detail
