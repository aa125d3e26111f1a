// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <limits>
#include <new>
#include <unistd.h>

#include <wring/core/engine/interest_table.hpp>
#include <wring/core/error.hpp>

namespace wring::detail {

namespace {

constexpr std::uint64_t doorbell = std::numeric_limits<std::uint64_t>::max();

[[noreturn]] void fatal_wait(int error_number) noexcept {
  std::fprintf(stderr, "wring: epoll_wait failed: %s (errno %d)\n", std::strerror(error_number), error_number);
  std::abort();
}

}  // namespace

interest_table::interest_table() : epoll_fd_(::epoll_create1(EPOLL_CLOEXEC)) {
  if (epoll_fd_ < 0) error::from_errno(errno, "make an epoll instance").raise();
}

interest_table::~interest_table() { ::close(epoll_fd_); }

interest* interest_table::make(int fd) noexcept {
  if (interest* known = find(fd)) return known;
  try {
    const std::size_t index = static_cast<unsigned>(fd) / page_size;
    if (index >= pages_.size()) pages_.resize(index + 1);
    pages_[index] = std::make_unique<page>();
    return find(fd);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

bool interest_table::control(int operation, int fd, const interest& of, std::uint32_t events) const noexcept {
  ::epoll_event event{};
  event.events = events | EPOLLET;
  event.data.u64 = std::uint64_t{of.generation} << 32 | static_cast<unsigned>(fd);
  return ::epoll_ctl(epoll_fd_, operation, fd, &event) == 0;
}

int interest_table::arm(int fd, std::uint32_t events, bool certain) noexcept {
  if (fd < 0) return -EBADF;
  interest* const i = make(fd);
  if (i == nullptr) return -ENOMEM;
  const std::uint32_t all = i->events | readable | events;
  if (i->events != 0) {
    if (certain && all == i->events) return 0;
    // Either call below reports again what is ready.
    if (control(EPOLL_CTL_MOD, fd, *i, all)) {
      i->events = static_cast<std::uint16_t>(all);
      i->ready = 0;
      i->verified = i->announced;
      return 0;
    }
    i->events = 0;
    if (errno != ENOENT) return -errno;
  }
  // Another file than before, if there was one. A duplicate of that may still be open, and registered by this number.
  ++i->generation;
  const std::uint32_t fresh = readable | events;
  if (!control(EPOLL_CTL_ADD, fd, *i, fresh) && (errno != EEXIST || !control(EPOLL_CTL_MOD, fd, *i, fresh))) {
    return -errno;
  }
  i->events = static_cast<std::uint16_t>(fresh);
  i->ready = 0;
  i->verified = i->announced;
  i->kind = interest::nature::unknown;
  return 0;
}

void interest_table::register_descriptor(int fd) noexcept {
  if (interest* const i = make(fd); i != nullptr) {
    i->announced = true;
    i->verified = false;
    i->kind = interest::nature::unknown;
  }
}

void interest_table::unregister_descriptor(int fd) noexcept {
  interest* const i = find(fd);
  if (i == nullptr) return;
  if (i->events != 0) ::epoll_ctl(epoll_fd_, EPOLL_CTL_DEL, fd, nullptr);
  i->events = 0;
  i->ready = 0;
  i->announced = false;
  i->verified = false;
}

void interest_table::arm_doorbell(int fd) {
  ::epoll_event event{};
  // Every ring is an edge of its own, so the count need not be read.
  event.events = EPOLLIN | EPOLLET;
  event.data.u64 = doorbell;
  if (::epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, fd, &event) != 0) error::from_errno(errno, "watch an eventfd").raise();
}

std::span<const ::epoll_event> interest_table::wait(std::int64_t nanoseconds) noexcept {
  const auto most = static_cast<int>(events_.size());
  int count = 0;
  if (precise_ && nanoseconds > 0) {
    const ::timespec time{.tv_sec = nanoseconds / 1'000'000'000, .tv_nsec = nanoseconds % 1'000'000'000};
    count = ::epoll_pwait2(epoll_fd_, events_.data(), most, &time, nullptr);
    // Before Linux 5.11, or hidden by a filter that does not know it. EPERM is no other fault of this call.
    if (count < 0 && (errno == ENOSYS || errno == EPERM)) precise_ = false;
  }
  if (!precise_ || nanoseconds <= 0) {
    constexpr std::int64_t longest = std::numeric_limits<int>::max();
    const std::int64_t up = nanoseconds / 1'000'000 + (nanoseconds % 1'000'000 > 0 ? 1 : 0);
    const int milliseconds = nanoseconds < 0 ? -1 : static_cast<int>(std::min(up, longest));
    count = ::epoll_wait(epoll_fd_, events_.data(), most, milliseconds);
  }
  if (count < 0) {
    if (errno != EINTR) fatal_wait(errno);
    count = 0;
  }
  return {events_.data(), static_cast<std::size_t>(count)};
}

interest* interest_table::subject(const ::epoll_event& event) noexcept {
  if (event.data.u64 == doorbell) return nullptr;
  interest* const i = find(static_cast<int>(event.data.u64 & 0xffffffffU));
  return i != nullptr && i->events != 0 && i->generation == event.data.u64 >> 32 ? i : nullptr;
}

}  // namespace wring::detail
