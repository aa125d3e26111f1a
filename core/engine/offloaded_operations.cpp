// SPDX-License-Identifier: MIT
#include <cerrno>
#include <fcntl.h>
#include <new>
#include <thread>
#include <unistd.h>
#include <utility>

#include <wring/core/engine/offloaded_operations.hpp>
#include <wring/core/thread_pool.hpp>

namespace wring::detail {

namespace {

constexpr auto file_position = static_cast<std::uint64_t>(-1);

::ssize_t call(const operation& op) noexcept {
  const auto at = static_cast<::off_t>(op.offset);
  switch (op.code) {
    case op_code::open:
      return ::openat(op.fd, static_cast<const char*>(op.data), static_cast<int>(op.flags) | O_CLOEXEC,
                      static_cast<::mode_t>(op.offset));
    case op_code::read:
      return op.offset == file_position ? ::read(op.fd, op.data, op.length) : ::pread(op.fd, op.data, op.length, at);
    case op_code::write:
      return op.offset == file_position ? ::write(op.fd, op.data, op.length) : ::pwrite(op.fd, op.data, op.length, at);
    case op_code::sync:
      return ::fsync(op.fd);
    default:
      errno = EINVAL;
      return -1;
  }
}

std::int32_t perform(const operation& op) noexcept {
  ::ssize_t r = 0;
  do r = call(op);
  while (r < 0 && errno == EINTR);
  return r < 0 ? -errno : static_cast<std::int32_t>(r);
}

constexpr std::size_t most_free = 64;

}  // namespace

struct offloaded_operations::job final : pool_job {
  job(offloaded_operations& owner, operation& o) noexcept
      : pool_job([](pool_job& j) noexcept { static_cast<job&>(j).result = perform(*static_cast<job&>(j).op); },
                 [](pool_job& j) noexcept { static_cast<job&>(j).announce(); }),
        of(owner),
        op(&o) {}

  void announce() noexcept {
    offloaded_operations& to = of;
    to.announcing_.fetch_add(1, std::memory_order_relaxed);
    job* latest = to.ended_.load(std::memory_order_relaxed);
    do link = latest;
    while (!to.ended_.compare_exchange_weak(latest, this, std::memory_order_release, std::memory_order_relaxed));
    // From here on it may have been delivered. Who found none before it wakes the engine for those that follow.
    if (latest == nullptr) to.home_.wake();
    to.announcing_.fetch_sub(1, std::memory_order_release);
  }

  offloaded_operations& of;
  operation* op;
  std::int32_t result = 0;
  job* before = nullptr;
  job* after = nullptr;
  job* link = nullptr;
};

offloaded_operations::~offloaded_operations() {
  // A thread that has told of the last one may not have returned from that.
  while (announcing_.load(std::memory_order_acquire) != 0) std::this_thread::yield();
  while (free_ != nullptr) delete std::exchange(free_, free_->link);
}

int offloaded_operations::begin(operation& op) noexcept {
  job* j = free_;
  if (j != nullptr) {
    free_ = j->link;
    --free_count_;
    j->op = &op;
    j->begun_at.store(0, std::memory_order_relaxed);
  } else {
    try {
      j = new job(*this, op);
    } catch (const std::bad_alloc&) {
      return -ENOMEM;
    }
  }
  j->before = nullptr;
  j->after = begun_;
  if (begun_ != nullptr) begun_->before = j;
  begun_ = j;
  const int refused = thread_pool::files().begin(*j);
  if (refused != 0) unlink(*j);
  return refused;
}

// And keeps it for another operation.
void offloaded_operations::unlink(job& j) noexcept {
  (j.before != nullptr ? j.before->after : begun_) = j.after;
  if (j.after != nullptr) j.after->before = j.before;
  if (free_count_ == most_free) {
    delete &j;
    return;
  }
  ++free_count_;
  j.link = std::exchange(free_, &j);
}

bool offloaded_operations::withdraw(operation& op) noexcept {
  job* j = begun_;
  while (j != nullptr && j->op != &op) j = j->after;
  if (j == nullptr || !thread_pool::files().withdraw(*j, false)) return false;
  unlink(*j);
  return true;
}

bool offloaded_operations::any_ended() noexcept {
  if (to_deliver_ != nullptr) return true;
  if (ended_.load(std::memory_order_relaxed) == nullptr) return false;
  for (job* j = ended_.exchange(nullptr, std::memory_order_acquire); j != nullptr;) {
    to_deliver_ = std::exchange(j, std::exchange(j->link, to_deliver_));
  }
  return true;
}

offloaded_operations::ended offloaded_operations::next_ended() noexcept {
  if (!any_ended()) return {};
  job& j = *std::exchange(to_deliver_, to_deliver_->link);
  const ended e{.op = j.op, .result = j.result};
  unlink(j);
  return e;
}

}  // namespace wring::detail
