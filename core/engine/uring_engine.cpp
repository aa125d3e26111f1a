// SPDX-License-Identifier: MIT
#include <algorithm>
#include <atomic>
#include <bit>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <poll.h>
#include <sys/socket.h>

#include <wring/core/detail/sanitizers.hpp>
#include <wring/core/engine/uring_abi.hpp>
#include <wring/core/engine/uring_engine.hpp>
#include <wring/core/engine/uring_entry.hpp>
#include <wring/core/error.hpp>

namespace wring::detail {

namespace {

// What user_data points to is aligned, so its low bits say what it is.
constexpr std::uint64_t tag_mask = 3;
constexpr std::uint64_t tag_operation = 0;
constexpr std::uint64_t tag_cancel = 1;
constexpr std::uint64_t tag_inbox = 2;
static_assert(tag_poll == 3);
static_assert(alignof(operation) > tag_mask);

static_assert(IORING_CQE_F_BUFFER == completion::with_buffer && IORING_CQE_F_MORE == completion::more_follow &&
              IORING_CQE_BUFFER_SHIFT == completion::buffer_shift);

[[noreturn]] void fatal(const char* what, int error_number) noexcept {
  std::fprintf(stderr, "wring: %s: %s (errno %d)\n", what, std::strerror(error_number), error_number);
  std::abort();
}

// The two halves of a completion are those of the queue's entry.
[[gnu::always_inline]] inline completion outcome_of(const ::io_uring_cqe& cqe) noexcept {
  static_assert(sizeof(completion) == 8 && offsetof(::io_uring_cqe, flags) == offsetof(::io_uring_cqe, res) + 4);
  std::uint64_t both = 0;
  std::memcpy(&both, &cqe.res, sizeof both);
  return std::bit_cast<completion>(both);
}

void pause_processor() noexcept {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

}  // namespace

unsigned uring_engine::kernel_flags() const noexcept {
  return std::atomic_ref<unsigned>(*ring_.sq.kflags).load(std::memory_order_relaxed);
}

// One system call: submits what is queued, runs task work, and waits if asked to.
[[gnu::always_inline]] inline void uring_engine::enter(unsigned wait_for, const ::__kernel_timespec* timeout) noexcept {
  auto& sq = ring_.sq;
  const unsigned tail = sq.sqe_tail;
  sq.sqe_head = tail;
  std::atomic_ref<unsigned>(*sq.ktail).store(tail, std::memory_order_release);
  const unsigned pending = tail - std::atomic_ref<unsigned>(*sq.khead).load(std::memory_order_relaxed);
  ++counters_.kernel_calls;
  wait_argument_.ts = reinterpret_cast<std::uintptr_t>(timeout);
  const int r = ::io_uring_enter2(static_cast<unsigned>(ring_.ring_fd), pending, wait_for, enter_flags_,
                                  reinterpret_cast<sigset_t*>(&wait_argument_), sizeof wait_argument_);
  // EBUSY and EAGAIN: the kernel wants completions reaped first; what it left in the queue is submitted by the next
  // call.
  if (r < 0 && r != -EINTR && r != -ETIME && r != -EAGAIN && r != -EBUSY) [[unlikely]]
    fatal("io_uring_enter failed", -r);
}

// Out of line: a full queue is rare.
void uring_engine::flush() noexcept { enter(0, nullptr); }

// How much room there is is looked up when what was found last time is used up.
bool uring_engine::find_room() noexcept {
  const auto look = [this] {
    const auto& sq = ring_.sq;
    room_ = *sq.kring_entries - (sq.sqe_tail - std::atomic_ref<unsigned>(*sq.khead).load(std::memory_order_acquire));
    return room_ != 0;
  };
  if (look()) return true;
  flush();
  return look();
}

[[gnu::always_inline]] inline ::io_uring_sqe* uring_engine::next_sqe() noexcept {
  if (room_ == 0 && !find_room()) [[unlikely]]
    return nullptr;
  --room_;
  return &ring_.sq.sqes[ring_.sq.sqe_tail++ & queue_mask_];
}

[[gnu::always_inline]] inline bool uring_engine::enqueue(operation& op) noexcept {
  ::io_uring_sqe* sqe = next_sqe();
  if (sqe == nullptr) [[unlikely]]
    return false;
  fill(*sqe, op, reinterpret_cast<std::uintptr_t>(&op) | tag_operation);
  return true;
}

bool uring_engine::enqueue_cancel(operation& op) noexcept {
  ::io_uring_sqe* sqe = next_sqe();
  if (sqe == nullptr) [[unlikely]]
    return false;
  *sqe = {};
  sqe->opcode = IORING_OP_ASYNC_CANCEL;
  sqe->fd = -1;
  sqe->addr = reinterpret_cast<std::uintptr_t>(&op) | (op.code == op_code::poll ? tag_poll : tag_operation);
  sqe->user_data = tag_cancel;
  return true;
}

bool uring_engine::enqueue_cancel_all() noexcept {
  ::io_uring_sqe* sqe = next_sqe();
  if (sqe == nullptr) return false;
  *sqe = {};
  sqe->opcode = IORING_OP_ASYNC_CANCEL;
  sqe->fd = -1;
  sqe->cancel_flags = IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL;
  sqe->user_data = tag_cancel;
  return true;
}

#if WRING_CHECKS
// False: it is known already.
bool uring_engine::note_new(const operation& op) noexcept {
  try {
    return known_.insert(&op).second || !knows_all_;
  } catch (const std::bad_alloc&) {
    knows_all_ = false;
    return true;
  }
}
#endif

void uring_engine::submit(operation& op) noexcept {
#if WRING_CHECKS
  if (op.active() || !note_new(op)) fatal("an operation was submitted twice", EALREADY);
#endif
  note_submitted(op);
  start(op);
}

[[gnu::always_inline]] inline void uring_engine::start(operation& op) noexcept {
  release_to_kernel(&op);
  if (unsubmitted_.first != nullptr || !enqueue(op)) [[unlikely]] {
    unsubmitted_.push(op);
    behind_ = true;
  }
}

void uring_engine::cancel(operation& op) noexcept {
  if (op.status != operation::state::active) return;
  op.status = operation::state::cancelling;
  if ((op.queue & in_backlog) == 0) send_cancel(op);  // otherwise it is not submitted yet, and ends in enqueue_backlog
}

void uring_engine::send_cancel(operation& op) noexcept {
  if (unsent_cancels_.first != nullptr || !enqueue_cancel(op)) [[unlikely]] {
    unsent_cancels_.push(op);
    behind_ = true;
  }
}

bool uring_engine::arm_inbox() noexcept {
  if (inbox_armed_ || closing_) return true;
  ::io_uring_sqe* sqe = next_sqe();
  if (sqe == nullptr) return false;
  *sqe = {};
  sqe->opcode = IORING_OP_POLL_ADD;
  sqe->fd = doorbell();
  sqe->poll32_events = POLLIN;
  sqe->len = IORING_POLL_ADD_MULTI;
  sqe->user_data = tag_inbox;
  inbox_armed_ = true;
  return true;
}

// From here to turn() is the hot path of every completion: one function for the compiler.

[[gnu::always_inline]] inline void uring_engine::finish(operation& op, completion c) noexcept {
  if (op.queue != 0 && starts_again(op, c)) [[unlikely]]
    return;
#if WRING_CHECKS
  if (!c.more()) known_.erase(&op);
#endif
  note_completed(op, c);
  op.on_completion(op, c);
}

[[gnu::always_inline]] inline void uring_engine::deliver(std::uint64_t user_data, completion c) noexcept {
  if ((user_data & tag_mask) == tag_operation) [[likely]] {
    auto& op = *reinterpret_cast<operation*>(static_cast<std::uintptr_t>(user_data));
#if WRING_CHECKS
    if (!knows(op)) fatal("a completion came for an operation that is not in flight", ENOENT);
#endif
    acquire_from_kernel(&op);
    finish(op, c);
  } else {
    deliver_other(user_data, c);
  }
}

void uring_engine::deliver_other(std::uint64_t user_data, completion c) noexcept {
  switch (user_data & tag_mask) {
    case tag_inbox:
      inbox_ready(c.more());
      return;
    case tag_poll:
      poll_completed(*reinterpret_cast<operation*>(static_cast<std::uintptr_t>(user_data & ~tag_mask)), c);
      return;
    default:
      return;  // the completion of a cancel says nothing: the operation's own decides
  }
}

[[gnu::always_inline]] inline unsigned uring_engine::reap(unsigned limit) noexcept {
  auto& cq = ring_.cq;
  const unsigned mask = *cq.kring_mask;
  unsigned head = *cq.khead;
  unsigned left = limit;
  for (; left != 0 && head != std::atomic_ref<unsigned>(*cq.ktail).load(std::memory_order_acquire); --left) {
    const ::io_uring_cqe& cqe = cq.cqes[head & mask];
    const std::uint64_t user_data = cqe.user_data;
    const completion c = outcome_of(cqe);
    // The room is given back before the completion is delivered: a handler may submit, and so enter the kernel.
    std::atomic_ref<unsigned>(*cq.khead).store(++head, std::memory_order_release);
    deliver(user_data, c);
  }
  return limit - left;
}

// A one-shot poll of io_uring ends at once where the peer has shut down its side, whatever was asked for. Such a one is
// started again as a multishot, which reports only changes, until the requested events are there. So is one that fails
// with EINVAL: of what has two queues, as a terminal, the kernel arms a one-shot poll again when it was woken for
// nothing, and refuses it then (seen on Linux 6.18).
void uring_engine::poll_completed(operation& op, completion c) noexcept {
#if WRING_CHECKS
  if (!knows(op)) fatal("a completion came for a poll that is not in flight", ENOENT);
#endif
  acquire_from_kernel(&op);
  const std::int32_t wanted = static_cast<std::int32_t>(op.flags) | POLLERR | POLLHUP | POLLNVAL;
  std::int32_t result = c.result;
  const bool refused = result == -EINVAL && (op.queue & poll_for_changes) == 0;
  const bool is_answer = !refused && (result < 0 || (result & wanted) != 0);
  if (c.more()) {
    if (!is_answer || (op.queue & answered) != 0) return;
    op.offset = static_cast<std::uint64_t>(result & wanted);
    op.queue |= answered;
    if (op.status == operation::state::active) send_cancel(op);
    return;
  }
  if ((op.queue & answered) != 0) {
    result = static_cast<std::int32_t>(op.offset);
  } else if (result >= 0 || refused) {
    result &= wanted;
    if (!is_answer && op.status == operation::state::active) {
      op.queue |= poll_for_changes;
      start(op);
      return;
    }
    if (!is_answer) result = -ECANCELED;
  }
  op.queue &= in_backlog;
  finish(op, completion(result));
}

// Returns how many operations it ended: those that were cancelled before the kernel knew them.
unsigned uring_engine::enqueue_backlog() noexcept {
  unsigned ended = 0;
  while (operation* op = unsent_cancels_.first) {
    if (!enqueue_cancel(*op)) return ended;
    unsent_cancels_.pop();
  }
  if (all_to_be_cancelled_) {
    if (!enqueue_cancel_all()) return ended;
    all_to_be_cancelled_ = false;
  }
  while (operation* op = unsubmitted_.first) {
    if (op->status == operation::state::cancelling) {
      unsubmitted_.pop();
      finish(*op, completion(-ECANCELED));
      ++ended;
    } else if (enqueue(*op)) {
      unsubmitted_.pop();
    } else {
      return ended;
    }
  }
  return ended;
}

// No longer behind once nothing waits for room in the submission queue and the inbox is armed: without it no other
// thread could end a wait.
unsigned uring_engine::catch_up() noexcept {
  const unsigned ended = enqueue_backlog();
  behind_ = !arm_inbox() || all_to_be_cancelled_ || unsent_cancels_.first != nullptr || unsubmitted_.first != nullptr;
  return ended;
}

[[gnu::always_inline]] inline void uring_engine::enter_until(std::int64_t deadline) noexcept {
  if (deadline >= far_deadline) return enter(1, nullptr);
  const std::int64_t current = now();
  const std::int64_t left = deadline > current ? deadline - current : 0;
  const ::__kernel_timespec timeout{.tv_sec = left / 1'000'000'000, .tv_nsec = left % 1'000'000'000};
  enter(left > 0 ? 1 : 0, left > 0 ? &timeout : nullptr);
}

[[gnu::always_inline]] inline void uring_engine::sleep(std::int64_t deadline) noexcept {
#if WRING_THREAD_SANITIZER
  // The sanitizer keeps signals back until the thread calls a function that it knows. Entering the ring is none, now()
  // is.
  constexpr std::int64_t longest_without = 50'000'000;
  do enter_until(std::min(deadline, now() + longest_without));
  while (!something_to_reap() && now() < deadline);
#else
  enter_until(deadline);
#endif
}

[[gnu::always_inline]] inline bool uring_engine::something_to_submit() const noexcept {
  return ring_.sq.sqe_tail != std::atomic_ref<unsigned>(*ring_.sq.khead).load(std::memory_order_relaxed);
}

unsigned uring_engine::turn(std::int64_t deadline, unsigned limit) {
  bool wait = deadline != no_wait;
  unsigned ended = 0;
  if (behind_) [[unlikely]] {
    ended = catch_up();
    if (behind_ || ended != 0) wait = false;  // whoever was told of an end has something to do
  }
  const unsigned flags = kernel_flags() & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW);
  if (flags != 0 || *ring_.cq.khead != std::atomic_ref<unsigned>(*ring_.cq.ktail).load(std::memory_order_acquire)) {
    if ((flags & IORING_SQ_CQ_OVERFLOW) != 0) [[unlikely]]
      ++counters_.overflows;
    wait = false;
  }
  if (wait) {
    if (busy_poll_.enabled()) [[unlikely]] {
      wait_watching(deadline);
    } else {
      sleep(deadline);
    }
  } else if (flags != 0 || something_to_submit()) {
    enter(0, nullptr);
  }
  return ended + reap(limit);
}

bool uring_engine::something_to_reap() const noexcept {
  return (kernel_flags() & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)) != 0 ||
         *ring_.cq.khead != std::atomic_ref<unsigned>(*ring_.cq.ktail).load(std::memory_order_acquire);
}

// The kernel says in shared memory that it has something: until then, nothing enters it.
bool uring_engine::watch(std::int64_t begin, std::int64_t deadline) noexcept {
  const std::int64_t end = std::min(begin + busy_poll_.limit(), deadline);
  ++counters_.watches;
  do {
    for (int i = 0; i != 32; ++i) {
      if (something_to_reap()) {
        ++counters_.watched;
        return true;
      }
      pause_processor();
    }
  } while (now() < end);
  return false;
}

void uring_engine::wait_watching(std::int64_t deadline) noexcept {
  const std::int64_t begin = now();
  if (busy_poll_.worthwhile()) {
    if (something_to_submit()) flush();  // it must be under way meanwhile
    if (watch(begin, deadline)) {
      flush();  // fetches what the kernel has
    } else {
      sleep(deadline);
    }
  } else {
    sleep(deadline);
  }
  busy_poll_.waited(now() - begin);
}

void uring_engine::inbox_ready(bool more) noexcept {
  silence_doorbell();
  if (!more) {
    inbox_armed_ = false;
    behind_ = true;
  }
}

void uring_engine::shut_down() noexcept {
  while (in_flight() != 0) turn(no_deadline, ~0U);
  closing_ = true;
  if (inbox_armed_) {
    while (true) {
      ::io_uring_sqe* sqe = next_sqe();
      if (sqe != nullptr) {
        *sqe = {};
        sqe->opcode = IORING_OP_ASYNC_CANCEL;
        sqe->fd = -1;
        sqe->addr = tag_inbox;
        sqe->user_data = tag_cancel;
        break;
      }
      reap(~0U);
    }
    while (inbox_armed_) {
      enter(1, nullptr);
      reap(~0U);
    }
  }
}

}  // namespace wring::detail
