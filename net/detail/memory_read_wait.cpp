// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cerrno>
#include <concepts>
#include <new>

#include <wring/net/detail/memory_read_wait.hpp>

namespace wring::net::detail {

namespace {

constexpr std::size_t largest_lease = std::size_t{16} * 1024;

}  // namespace

template <class T>
bool memory_read_wait<T>::ready() noexcept {
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
void memory_read_wait<T>::suspend() noexcept {
  pipe_->wait(*this);
  pipe_->settle();
}

template <class T>
void memory_read_wait<T>::cancel() noexcept {
  pipe_->cancel_wait();
  this->confirm_cancel();
}

template <class T>
void memory_read_wait<T>::arrived() noexcept {
  attempt();
  this->complete();
}

template <class T>
bool memory_read_wait<T>::attempt() noexcept {
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
void memory_read_wait<T>::put_back(T& taken) noexcept {
  if constexpr (std::same_as<T, buffer_lease>) {
    if (pipe_ != nullptr) pipe_->give_back(taken);
  } else {
    if (pipe_ != nullptr) pipe_->give_back(into_.first(taken));
  }
}

template class memory_read_wait<buffer_lease>;
template class memory_read_wait<std::size_t>;

}  // namespace wring::net::detail
