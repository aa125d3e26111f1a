// SPDX-License-Identifier: MIT
#include <algorithm>
#include <new>

#include <wring/net/detail/memory_pipe.hpp>
#include <wring/net/detail/memory_waits.hpp>

namespace wring::net::detail {

namespace {

constexpr std::size_t largest_lease = std::size_t{16} * 1024;

}  // namespace

memory_reader::memory_reader(memory_pipe* p) noexcept
    : timer([](timer& t) noexcept { static_cast<memory_reader&>(t).pipe_->settle(); }), pipe_(p) {}

template <class T>
bool memory_read<T>::ready() noexcept {
  if constexpr (std::same_as<T, std::size_t>) {
    if (into_.empty()) return outcome_.emplace(0U), true;
  }
  constexpr const char* operation = "read from a memory stream";
  if (pipe_ == nullptr) return outcome_.emplace(error(errc::closed, operation)), true;
  if (pipe_->has_reader()) return outcome_.emplace(error(errc::busy, operation)), true;
  if (const int number = pipe_->read_fault.next(); number != 0) {
    return outcome_.emplace(error::from_errno(number, operation)), true;
  }
  if (!attempt()) return false;
  pipe_->settle();
  return true;
}

template <class T>
void memory_read<T>::suspend() noexcept {
  pipe_->wait(*this);
  pipe_->settle();
}

template <class T>
void memory_read<T>::stop() noexcept {
  pipe_->stop_waiting();
  this->confirm_stop();
}

template <class T>
void memory_read<T>::arrived() noexcept {
  attempt();
  this->complete();
}

template <class T>
bool memory_read<T>::attempt() noexcept {
  constexpr bool leases = std::same_as<T, buffer_lease>;
  const auto found = pipe_->look(leases ? largest_lease : into_.size());
  if (!found) return false;
  if (!*found) {
    outcome_.emplace(found->error());
  } else if constexpr (leases) {
    try {
      buffer_lease lease = buffer_lease::allocate(**found);
      if (lease) pipe_->take(std::span<std::byte>(lease));
      outcome_.emplace(std::move(lease));
    } catch (const std::bad_alloc&) {
      outcome_.emplace(error::from_errno(ENOMEM, "read from a memory stream"));
    }
  } else {
    if (**found != 0) pipe_->take(into_.first(**found));
    outcome_.emplace(**found);
  }
  return true;
}

template <class T>
void memory_read<T>::put_back(T& taken) noexcept {
  if constexpr (std::same_as<T, buffer_lease>) {
    if (pipe_ != nullptr) pipe_->give_back(taken);
  } else {
    if (pipe_ != nullptr) pipe_->give_back(into_.first(taken));
  }
}

template class memory_read<buffer_lease>;
template class memory_read<std::size_t>;

bool memory_write::ready() noexcept {
  constexpr const char* operation = "write to a memory stream";
  if (pipe_ == nullptr) return outcome_ = error(errc::closed, operation), true;
  if (const int number = shut_ ? 0 : pipe_->write_fault.next(); number != 0) {
    return outcome_ = error::from_errno(number, operation), true;
  }
  if (!pipe_->writers.empty()) return false;
  const bool ended = advance();
  pipe_->settle();
  return ended;
}

void memory_write::suspend() noexcept {
  pipe_->writers.push(*this);
  pipe_->settle();
}

void memory_write::stop() noexcept {
  pipe_->writers.remove(*this);
  if (written_ != 0) pipe_->tear(written_);
  confirm_stop();
  pipe_->settle();
}

bool memory_write::advance() noexcept {
  if (pipe_->write_error()) return outcome_ = *pipe_->write_error(), true;
  if (pipe_->shut()) {
    if (!shut_) outcome_ = error(errc::closed, "write to a memory stream").with_detail("its write side was shut down");
    return true;
  }
  for (;;) {
    const std::size_t count = pipe_->put(first_);
    written_ += count;
    first_ = first_.subspan(count);
    if (!first_.empty()) return false;
    if (others_.empty()) break;
    first_ = others_.front();
    others_ = others_.subspan(1);
  }
  if (shut_) pipe_->end();
  return true;
}

bool memory_close::ready() noexcept {
  stream_->close_now();
  return true;
}

}  // namespace wring::net::detail
