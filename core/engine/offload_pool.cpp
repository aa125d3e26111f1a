// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <new>
#include <system_error>
#include <unistd.h>

#include <wring/core/engine/offload_pool.hpp>

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

/// Threads made meanwhile take no signals: they are for the program's threads.
class signals_blocked {
 public:
  signals_blocked() noexcept {
    ::sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_BLOCK, &all, &before_);
  }
  ~signals_blocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  ::sigset_t before_;
};

}  // namespace

offload_pool::offload_pool(void (*announce)(void*) noexcept, void* argument) noexcept
    : announce_(announce), argument_(argument) {}

offload_pool::~offload_pool() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wanted_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

bool offload_pool::start_thread() noexcept {
  try {
    const signals_blocked meanwhile;
    threads_.emplace_back([this] { work(); });
    return true;
  } catch (const std::exception&) {
    return false;
  }
}

int offload_pool::begin(operation& op) noexcept {
  unsigned waiting = 0;
  unsigned idle = 0;
  {
    const std::lock_guard lock(mutex_);
    try {
      // A thread that has ended an operation must find room to report it.
      if (done_.capacity() <= begun_) {
        done_.reserve(2 * begun_ + 16);
        collected_.reserve(2 * begun_ + 16);
      }
    } catch (const std::bad_alloc&) {
      return -ENOMEM;
    }
    waiting = queued_ + 1;
    idle = idle_;
  }
  if (waiting > idle && threads_.size() < most_threads && !start_thread() && threads_.empty()) return -EAGAIN;
  ++begun_;
  {
    const std::lock_guard lock(mutex_);
    op.next = nullptr;
    (last_ != nullptr ? last_->next : first_) = &op;
    last_ = &op;
    ++queued_;
  }
  wanted_.notify_one();
  return 0;
}

bool offload_pool::withdraw(operation& op) noexcept {
  const std::lock_guard lock(mutex_);
  operation* previous = nullptr;
  for (operation* o = first_; o != nullptr; previous = o, o = o->next) {
    if (o != &op) continue;
    (previous != nullptr ? previous->next : first_) = op.next;
    if (last_ == &op) last_ = previous;
    --queued_;
    --begun_;
    return true;
  }
  return false;
}

std::span<const offload_pool::ended> offload_pool::collect() noexcept {
  collected_.clear();
  if (begun_ != 0) {
    const std::lock_guard lock(mutex_);
    collected_.assign(done_.begin(), done_.end());
    done_.clear();
    begun_ -= collected_.size();
  }
  return collected_;
}

void offload_pool::work() noexcept {
  std::unique_lock lock(mutex_);
  for (;;) {
    ++idle_;
    wanted_.wait(lock, [this] { return first_ != nullptr || stopping_; });
    --idle_;
    if (first_ == nullptr) return;
    operation& op = *first_;
    first_ = op.next;
    if (first_ == nullptr) last_ = nullptr;
    --queued_;
    lock.unlock();
    const std::int32_t outcome = perform(op);
    lock.lock();
    done_.emplace_back(&op, outcome);
    lock.unlock();
    announce_(argument_);
    lock.lock();
  }
}

}  // namespace wring::detail
