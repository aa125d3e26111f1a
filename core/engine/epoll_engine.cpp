// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <netinet/in.h>
#include <sys/socket.h>
#include <utility>

#include <fmt/format.h>

#include <wring/config.hpp>
#include <wring/core/engine/attempt.hpp>
#include <wring/core/engine/epoll_engine.hpp>
#include <wring/core/engine/message_buffers.hpp>
#include <wring/core/error.hpp>
#include <wring/core/thread_pool.hpp>

namespace wring::detail {

namespace {

// operation::queue. Besides, once it has waited for its descriptor, `begun`: since then it has not been idle, so that
// the descriptor's number has stood for the same file.
constexpr std::uint8_t nowhere = 0;
constexpr std::uint8_t queued = 1;     // to be tried
constexpr std::uint8_t ending = 2;     // queued, to end with ECANCELED
constexpr std::uint8_t parked = 3;     // in the list of its descriptor
constexpr std::uint8_t offloaded = 4;  // with the pool's threads
constexpr std::uint8_t queue_mask = 7;
constexpr std::uint8_t begun = 8;

std::uint8_t queue_of(const operation& op) noexcept { return op.queue & queue_mask; }
bool has_begun(const operation& op) noexcept { return (op.queue & begun) != 0; }
void put(operation& op, std::uint8_t queue) noexcept {
  op.queue = static_cast<std::uint8_t>((op.queue & begun) | queue);
}

bool is_multishot(const operation& op) noexcept { return facts_of(op.code).multishot; }

// What it waits for, as epoll says it. Faults and hang-ups end every wait.
std::uint32_t events_of(const operation& op) noexcept {
  switch (facts_of(op.code).direction) {
    case op_direction::output:
      return EPOLLOUT;
    case op_direction::asked:
      return op.flags & 0xffffU;
    default:
      return interest_table::readable;
  }
}

// The bit of interest::ready that tells whether trying is worth it; 0: it always is.
std::uint8_t readiness_of(const operation& op) noexcept {
  const op_facts& facts = facts_of(op.code);
  if (facts.may_block || op.code == op_code::connect) return 0;
  if (facts.direction == op_direction::input) return interest::input;
  if (facts.direction == op_direction::output) return interest::output;
  return 0;
}

// Whether what is known of the descriptor holds: it cannot have been closed meanwhile.
bool certain(const operation& op, const interest* known) noexcept {
  return known != nullptr && known->events != 0 && (has_begun(op) || known->verified);
}

bool known_to_wait(const operation& op, const interest* known) noexcept {
  const std::uint8_t bit = readiness_of(op);
  return bit != 0 && certain(op, known) && (known->ready & bit) == 0 && (events_of(op) & ~known->events) == 0;
}

void return_unused(buffer_pool& pool, std::uint32_t id) noexcept {
  pool.filled(id);
  pool.untake();
}

void clear(interest& i, std::uint8_t bit) noexcept { i.ready &= static_cast<std::uint8_t>(~bit); }

bool has_option(int fd, int option, int wanted) noexcept {
  int value = 0;
  socklen_t size = sizeof value;
  return ::getsockopt(fd, SOL_SOCKET, option, &value, &size) == 0 && value == wanted;
}

interest::nature nature_of(int fd, interest& known) noexcept {
  if (known.kind == interest::nature::unknown) [[unlikely]] {
    known.kind = has_option(fd, SO_PROTOCOL, IPPROTO_TCP) ? interest::nature::tcp
                 : has_option(fd, SO_TYPE, SOCK_DGRAM)    ? interest::nature::datagrams
                                                          : interest::nature::other;
  }
  return known.kind;
}

// A receive from TCP that was short has emptied it, unless something else has cut it short; other sockets have
// boundaries.
void note_received(const operation& op, interest* known, std::int32_t got, std::size_t wanted) noexcept {
  if (!certain(op, known) || got <= 0 || static_cast<std::size_t>(got) == wanted) return;
  if ((known->ready & interest::no_trust) != 0) return;
  if (nature_of(op.fd, *known) == interest::nature::tcp) clear(*known, interest::input);
}

}  // namespace

epoll_engine::epoll_engine(const engine_options& options) : kernel_engine(options.buffers, false), offloaded_(*this) {
  table_.arm_doorbell(doorbell());
}

epoll_engine::~epoll_engine() = default;

void epoll_engine::enqueue(operation& op, std::uint8_t queue) noexcept {
  put(op, queue);
  op.next = nullptr;
  (last_ != nullptr ? last_->next : first_) = &op;
  last_ = &op;
}

void epoll_engine::submit(operation& op) noexcept {
#if WRING_CHECKS
  if (op.active()) {
    std::fputs("wring: an operation was submitted twice\n", stderr);
    std::abort();
  }
#endif
  note_submitted(op);
  enqueue(op, queued);
}

void epoll_engine::cancel(operation& op) noexcept {
  if (op.status != operation::state::active) return;
  op.status = operation::state::cancelling;
  if (queue_of(op) == parked) {
    unpark(op, *table_.find(op.fd));
    enqueue(op, ending);
  } else if (queue_of(op) == offloaded && offloaded_.withdraw(op)) {
    enqueue(op, ending);
  }
}

// What a thread of the pool has begun is left to end.
void epoll_engine::cancel_all() noexcept {
  for (operation* op = first_; op != nullptr; op = op->next) op->status = operation::state::cancelling;
  table_.for_each([this](interest& i) {
    while (i.first != nullptr) cancel(*i.first);
  });
}

// Ends it, or says what more there is of it.

void epoll_engine::finish(operation& op, completion c) noexcept {
  note_completed(op, c);
  op.queue = nowhere;
  op.on_completion(op, c);
}

void epoll_engine::deliver_more(operation& op, completion c) noexcept {
  note_completed(op, c);
  put(op, nowhere);
  op.on_completion(op, c);
  go_on(op);
}

void epoll_engine::go_on(operation& op) noexcept {
  if (op.status == operation::state::cancelling) {
    enqueue(op, ending);
  } else if (op.code == op_code::poll_multishot) {
    park(op, *table_.find(op.fd));  // until there is a change
  } else {
    enqueue(op, queued);
  }
}

// Trying. These return whether a completion has been delivered, or how many.

unsigned epoll_engine::run(operation& op, unsigned limit) noexcept {
  const bool cancelling = op.status == operation::state::cancelling;
  if (queue_of(op) == ending || (cancelling && is_multishot(op))) {
    finish(op, completion(-ECANCELED));
    return true;
  }
  interest* const known = table_.find(op.fd);
  if (known_to_wait(op, known)) return wait_for(op, known);
  if (op.code == op_code::receive_multishot) return receive(op, known);
  if (op.code == op_code::receive_message_multishot) {
    const bool several = certain(op, known) && known->at_once > 1 && !known->drained && limit > 1;
    return several ? receive_messages(op, *known, limit) : receive_message(op, known);
  }
  // Its registration reports the current state, so that each change is reported once.
  if (op.code == op_code::poll_multishot && !has_begun(op)) return wait_for(op, nullptr);
  const std::int32_t result = attempt(op, has_begun(op));
  if (result == must_wait) return wait_for(op, known);
  if (result == must_block) return offload(op);
  if (op.code == op_code::receive && (op.flags & MSG_PEEK) == 0) note_received(op, known, result, op.length);
  if (result >= 0 && is_multishot(op)) {
    deliver_more(op, completion(result, completion::more_follow));
  } else {
    finish(op, completion(result));
  }
  return true;
}

bool epoll_engine::receive(operation& op, interest* known) noexcept {
  if (!certain(op, known)) return wait_for(op, known);
  std::uint32_t id = 0;
  if (!buffers_.acquire(id)) {
    // Only bytes need a buffer.
    std::byte first{};
    const std::int32_t peeked = attempt_receive(op.fd, {&first, 1}, MSG_PEEK);
    if (peeked == must_wait) return wait_for(op, known);
    finish(op, completion(peeked > 0 ? -ENOBUFS : peeked));
    return true;
  }
  const std::span<std::byte> into = buffers_.memory(id);
  const std::int32_t result = attempt_receive(op.fd, into, 0);
  buffers_.filled(id);
  if (result > 0) {
    note_received(op, known, result, into.size());
    deliver_more(op, completion(result, completion::more_follow | completion::in_buffer(id)));
    return true;
  }
  buffers_.untake();
  if (result == must_wait) return wait_for(op, known);
  finish(op, completion(result));
  return true;
}

// As io_uring does, it ends with a message without bytes.
bool epoll_engine::receive_message(operation& op, interest* known) noexcept {
  if (!certain(op, known)) return wait_for(op, known);
  auto& buffers = *static_cast<message_buffers*>(op.data);
  std::uint32_t id = 0;
  if (!buffers.pool().acquire(id)) {
    std::byte first{};
    const std::int32_t peeked = attempt_receive(op.fd, {&first, 1}, MSG_PEEK);
    if (peeked == must_wait) return wait_for(op, known);
    finish(op, completion(peeked >= 0 ? -ENOBUFS : peeked));
    return true;
  }
  const std::int32_t result =
      attempt_receive_message(op.fd, buffers.pool().memory(id), buffers, static_cast<int>(op.flags));
  buffers.pool().filled(id);
  if (result < 0) {
    buffers.pool().untake();
    if (result == must_wait) return wait_for(op, known);
    finish(op, completion(result));
  } else if (static_cast<std::size_t>(result) == buffers.payload_offset()) {
    finish(op, completion(result, completion::in_buffer(id)));
  } else {
    if (known->at_once == 1 && nature_of(op.fd, *known) == interest::nature::datagrams) known->at_once = 2;
    known->drained = false;
    deliver_more(op, completion(result, completion::more_follow | completion::in_buffer(id)));
  }
  return true;
}

// It asks for twice as many where there were as many as it asked for, and for half as many where there were fewer.
unsigned epoll_engine::receive_messages(operation& op, interest& known, unsigned limit) noexcept {
  auto& buffers = *static_cast<message_buffers*>(op.data);
  std::array<std::uint32_t, most_messages> ids;
  std::array<std::span<std::byte>, most_messages> memory;
  std::array<std::int32_t, most_messages> filled;
  const std::size_t most = std::min<std::size_t>({known.at_once, limit, most_messages});
  std::size_t asked = 0;
  for (; asked != most && buffers.pool().acquire(ids[asked]); ++asked) {
    memory[asked] = buffers.pool().memory(ids[asked]);
  }
  if (asked < 2) {
    if (asked == 1) return_unused(buffers.pool(), ids[0]);
    return receive_message(op, &known);
  }
  const std::int32_t result =
      attempt_receive_messages(op.fd, std::span(memory).first(asked), buffers, static_cast<int>(op.flags), filled);
  const std::size_t count = result > 0 ? static_cast<std::size_t>(result) : 0;
  for (std::size_t i = asked; i != count; --i) return_unused(buffers.pool(), ids[i - 1]);
  for (std::size_t i = 0; i != count; ++i) buffers.pool().filled(ids[i]);
  if (count == 0) {
    known.at_once = 1;
    if (result == must_wait) return wait_for(op, &known);
    finish(op, completion(result));
    return 1;
  }
  known.drained = count < asked;
  known.at_once =
      static_cast<std::uint8_t>(count == asked ? std::min(2 * most, most_messages) : std::max(count, asked / 2));
  put(op, nowhere);
  for (std::size_t i = 0; i != count; ++i) {
    // As alone, one without bytes ends it, but only when nothing follows.
    const bool ends = i + 1 == count && static_cast<std::size_t>(filled[i]) == buffers.payload_offset();
    const completion c(filled[i], (ends ? 0U : completion::more_follow) | completion::in_buffer(ids[i]));
    if (ends) {
      finish(op, c);
      return static_cast<unsigned>(count);
    }
    note_completed(op, c);
    op.on_completion(op, c);
  }
  go_on(op);
  return static_cast<unsigned>(count);
}

bool epoll_engine::wait_for(operation& op, interest* known) noexcept {
  if (op.status == operation::state::cancelling) {
    finish(op, completion(-ECANCELED));
    return true;
  }
  if (known != nullptr) {
    clear(*known, readiness_of(op));
    known->drained = false;
  }
  const int armed = table_.arm(op.fd, events_of(op), certain(op, known));
  if (armed == 0) {
    op.queue |= begun;
    park(op, *table_.find(op.fd));
    return false;
  }
  if (armed == -EPERM && (op.code == op_code::read || op.code == op_code::write)) return offload(op);
  finish(op, completion(armed));
  return true;
}

bool epoll_engine::offload(operation& op) noexcept {
  put(op, offloaded);
  const int r = offloaded_.begin(op);
  if (r == 0) return false;
  finish(op, completion(r));
  return true;
}

unsigned epoll_engine::run_queue(unsigned limit) noexcept {
  unsigned delivered = 0;
  while (delivered != limit && first_ != nullptr) {
    operation& op = *first_;
    first_ = op.next;
    if (first_ == nullptr) last_ = nullptr;
    delivered += run(op, limit - delivered);
  }
  return delivered;
}

// What the threads have done.
unsigned epoll_engine::run_ended(unsigned limit) noexcept {
  unsigned delivered = 0;
  for (; delivered != limit; ++delivered) {
    const auto [op, result] = offloaded_.next_ended();
    if (op == nullptr) break;
    finish(*op, completion(result));
  }
  return delivered;
}

// Waiting.

void epoll_engine::park(operation& op, interest& at) noexcept {
  put(op, parked);
  op.next = nullptr;
  (at.last != nullptr ? at.last->next : at.first) = &op;
  at.last = &op;
}

void epoll_engine::unpark(operation& op, interest& from) noexcept {
  operation* previous = nullptr;
  for (operation* o = from.first; o != &op; o = o->next) previous = o;
  (previous != nullptr ? previous->next : from.first) = op.next;
  if (from.last == &op) from.last = previous;
}

// Queues those that wait for one of `events`.
void epoll_engine::dispatch(interest& of, std::uint32_t events) noexcept {
  constexpr std::uint32_t all_over = EPOLLERR | EPOLLHUP;
  if ((events & (interest_table::readable | all_over)) != 0) of.ready |= interest::input;
  if ((events & (EPOLLOUT | all_over)) != 0) of.ready |= interest::output;
  if ((events & (EPOLLRDHUP | EPOLLPRI | all_over)) != 0) of.ready |= interest::no_trust;
  operation* op = std::exchange(of.first, nullptr);
  of.last = nullptr;
  while (op != nullptr) {
    operation* const next = op->next;
    if ((events & (events_of(*op) | all_over)) != 0) {
      enqueue(*op, queued);
    } else {
      park(*op, of);
    }
    op = next;
  }
}

void epoll_engine::wait(std::int64_t deadline) noexcept {
  std::int64_t nanoseconds = 0;
  if (deadline >= far_deadline) {
    nanoseconds = -1;
  } else if (deadline != no_wait) {
    const std::int64_t current = now();
    if (deadline > current) nanoseconds = deadline - current;
  }
  ++counters_.kernel_calls;
  for (const ::epoll_event& event : table_.wait(nanoseconds)) {
    if (interest* const i = table_.subject(event); i != nullptr) dispatch(*i, event.events);
  }
}

unsigned epoll_engine::turn(std::int64_t deadline, unsigned limit) {
  unsigned left = limit - run_queue(limit);
  // With something delivered, or left over, only a glance, so that nothing that keeps coming hides the rest.
  wait(left == limit && first_ == nullptr && !offloaded_.any_ended() ? deadline : no_wait);
  left -= run_ended(left);
  left -= run_queue(left);
  return limit - left;
}

void epoll_engine::shut_down() noexcept {
  while (in_flight() != 0) turn(no_deadline, ~0U);
}

std::string epoll_engine::explain() const {
  const thread_pool& files = thread_pool::files();
  return fmt::format(
      "engine: epoll\n"
      "receive: when epoll says so, into {} shared buffers of {} bytes\n"
      "send: tried at once, then when epoll says so\n"
      "accept: all that are there, when epoll says so\n"
      "connect: when epoll says that it is done\n"
      "files: {} of at most {} threads of the process have started\n"
      "timers: in user space, waits end at the {}\n"
      "wake-ups: an eventfd\n",
      buffers_.capacity(), buffers_.buffer_size(), files.stats().threads, files.options().threads,
      table_.precise() ? "nanosecond (epoll_pwait2)"
                       : "millisecond (epoll_pwait2 is missing: before Linux 5.11, or filtered)");
}

}  // namespace wring::detail
