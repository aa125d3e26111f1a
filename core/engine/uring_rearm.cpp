// SPDX-License-Identifier: MIT
// What of the io_uring engine is off the hot path: operations that wait for room in the submission queue, or are to be
// armed again.

#include <cerrno>
#include <poll.h>

#include <wring/core/engine/uring_engine.hpp>
#include <wring/core/engine/uring_entry.hpp>

namespace wring::detail {

namespace {

/// The connection is over in both directions: it was reset, say; or what else `events` stand for.
bool has_hung_up(int fd, std::uint32_t events) noexcept {
  ::pollfd p{.fd = fd, .events = static_cast<short>(events), .revents = 0};
  return ::poll(&p, 1, 0) > 0 && (static_cast<std::uint32_t>(p.revents) & (POLLHUP | events)) != 0;
}

}  // namespace

void uring_engine::backlog::push(operation& op) noexcept {
  op.next = nullptr;
  op.queue |= in_backlog;
  (last != nullptr ? last->next : first) = &op;
  last = &op;
}

operation* uring_engine::backlog::pop() noexcept {
  operation* op = first;
  if (op == nullptr) return nullptr;
  first = op->next;
  if (first == nullptr) last = nullptr;
  op->queue &= static_cast<std::uint8_t>(~in_backlog);
  return op;
}

void uring_engine::backlog::remove(operation& op) noexcept {
  operation* previous = nullptr;
  for (operation* o = first; o != &op; o = o->next) previous = o;
  (previous != nullptr ? previous->next : first) = op.next;
  if (last == &op) last = previous;
  op.queue &= static_cast<std::uint8_t>(~in_backlog);
}

// The doorbell's poll ends with the others, and is armed again.
void uring_engine::cancel_all() noexcept {
  for (operation* op = unsubmitted_.first; op != nullptr; op = op->next) op->status = operation::state::cancelling;
  all_to_be_cancelled_ = true;
  behind_ = true;
}

// IORING_CQE_F_MORE does not promise that the end will be reported. What is there when the kernel arms the receive's
// poll is reported once: where that is bytes and a reset, the bytes are delivered, and nothing wakes the receive again.
// The poll is armed before the first attempt, so checking the socket after the first bytes cannot miss such a reset.
// The receive is cancelled then, and armed again, whereupon it finds the rest. Later resets have a wake-up of their
// own.
//
// Of Unix sockets the kernel loses the end even later (seen on Linux 6.18): where bytes and the end arrive before the
// receive has looked, it reads the bytes and takes the two wake-ups for one. So their receives ask for the check after
// every arrival, by their flags.
bool uring_engine::starts_again(operation& op, completion c) noexcept {
  if ((op.queue & end_unseen) != 0) {
    const std::uint32_t events = op.code == op_code::receive_multishot ? op.flags : 0;
    if (events == 0 || !c.more()) op.queue &= static_cast<std::uint8_t>(~end_unseen);
    if (c.more() && op.status == operation::state::active && (op.queue & rearming) == 0) {
      ++counters_.kernel_calls;
      if (has_hung_up(op.fd, events)) {
        op.queue |= rearming;
        send_cancel(op);
      }
    }
  }
  if (c.more()) return false;
  if ((op.queue & in_backlog) != 0) unsent_cancels_.remove(op);  // ended before its cancel was sent
  if ((op.queue & rearming) == 0) return false;
  op.queue &= static_cast<std::uint8_t>(~rearming);
  if (c.result != -ECANCELED || op.status != operation::state::active) return false;
  unsubmitted_.push(op);
  behind_ = true;
  return true;
}

}  // namespace wring::detail
