// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <iterator>
#include <poll.h>
#include <sys/socket.h>
#include <utility>

#include <fmt/format.h>

#include <wring/core/detail/process/pool_job.hpp>
#include <wring/core/dump_tasks.hpp>
#include <wring/core/engine/failing_engine.hpp>
#include <wring/core/engine/make_engine.hpp>
#include <wring/core/error.hpp>
#include <wring/core/scheduler.hpp>
#include <wring/core/sim/run_failed.hpp>
#include <wring/net/detail/chosen_resolver.hpp>
#include <wring/net/sim/detail/sim_engine.hpp>

namespace wring::sim::detail {

namespace {

// operation::queue. Besides, once it has been tried, `begun`.
constexpr std::uint8_t nowhere = 0;
constexpr std::uint8_t queued = 1;
constexpr std::uint8_t ending = 2;  // queued, to end with ECANCELED
constexpr std::uint8_t waiting = 3;
constexpr std::uint8_t queue_mask = 7;
constexpr std::uint8_t begun = 8;

constexpr std::int32_t must_wait = -EAGAIN;

std::uint8_t queue_of(const operation& op) noexcept { return op.queue & queue_mask; }
void put(operation& op, std::uint8_t queue) noexcept {
  op.queue = static_cast<std::uint8_t>((op.queue & begun) | queue);
}

std::uint64_t seed_of_environment() noexcept {
  const char* const text = std::getenv("WRING_SEED");
  return text != nullptr ? std::strtoull(text, nullptr, 10) : 1;
}

}  // namespace

sim_engine::sim_engine(machine& home, const engine_options& options)
    : engine(options.buffers), home_(home), net_(home.in) {
  home_.engine = this;
}

sim_engine::sim_engine(std::unique_ptr<network> world, std::unique_ptr<machine> home, const engine_options& options)
    : engine(options.buffers),
      own_world_(std::move(world)),
      own_home_(std::move(home)),
      home_(*own_home_),
      net_(*own_world_) {
  home_.engine = this;
  net_.add(home_);
}

sim_engine::~sim_engine() {
  for (std::size_t i = 0; i != sockets_.size(); ++i) {
    if (sockets_[i] != nullptr) close_descriptor(first_descriptor + static_cast<int>(i));
  }
  // What is on its way between sockets that nobody has open, themselves perhaps.
  for (const auto& each : std::exchange(keep_descriptors_, {})) {
    if (const auto keeper = each.lock()) keeper->close();
  }
  home_.engine = nullptr;
}

std::int64_t sim_engine::now() const noexcept { return home_.clock_at(net_.now()); }

// The world begins on the first of January 2020.
std::chrono::system_clock::time_point sim_engine::wall_now() const noexcept {
  constexpr std::chrono::sys_days epoch = std::chrono::year(2020) / 1 / 1;
  const std::chrono::nanoseconds since(now() + home_.skew);
  return epoch + std::chrono::duration_cast<std::chrono::system_clock::duration>(since);
}

void sim_engine::random(std::span<std::byte> into) {
  for (std::byte& b : into) b = static_cast<std::byte>(home_.program_random.next() >> 56);
}

// Operations.

void sim_engine::submit(operation& op) noexcept {
  op.queue = nowhere;
  note_submitted(op);
  enqueue(op, queued, false);
}

void sim_engine::enqueue(operation& op, std::uint8_t state, bool may_be_late) noexcept {
  put(op, state);
  std::int64_t due = net_.now();
  const fault_options& chances = net_.chances();
  if (may_be_late && net_.happens(fault::late, chances.late, home_)) {
    const auto most = static_cast<std::uint64_t>(std::max<std::int64_t>(chances.latest.count(), 1));
    due += static_cast<std::int64_t>(home_.fault_streams[static_cast<std::size_t>(fault::late)].below(most));
  }
  ready_.push_back({&op, due});
  net_.schedule(home_, due);
}

void sim_engine::changed(socket& s) noexcept {
  for (operation* const op : std::exchange(s.waiting, {})) enqueue(*op, queued, true);
}

void sim_engine::wait(operation& op, socket& s) {
  put(op, waiting);
  s.waiting.push_back(&op);
}

// Of a descriptor that is about to be closed. Nothing may be in flight on it: what is ends, and so does the run.
void sim_engine::end_uses(socket& s, int fd) {
  const auto uses = [fd](const operation* op) { return op->fd == fd; };
  std::vector<operation*> of_it;
  std::ranges::copy_if(s.waiting, std::back_inserter(of_it), uses);
  const operation* used = of_it.empty() ? nullptr : of_it.front();
  for (const ready& r : ready_) {
    if (used == nullptr && uses(r.op)) used = r.op;
  }
  if (used == nullptr) return;
  net_.note_misuse(home_, fmt::format("descriptor {} is closed while an operation on it is in flight: {}", fd,
                                      to_string(used->code)));
  std::erase_if(s.waiting, uses);
  for (operation* const op : of_it) enqueue(*op, ending, false);
}

void sim_engine::cancel(operation& op) noexcept {
  if (op.status != operation::state::active) return;
  op.status = operation::state::cancelling;
  if (queue_of(op) != waiting) return;
  std::erase(find(op.fd)->waiting, &op);
  const bool tried = net_.happens(fault::stop_succeeds, net_.chances().stop_succeeds, home_);
  enqueue(op, tried ? queued : ending, false);
}

void sim_engine::cancel_all() noexcept {
  for (const ready& r : ready_) r.op->status = operation::state::cancelling;
  for (const auto& s : sockets_) {
    while (s != nullptr && !s->waiting.empty()) cancel(*s->waiting.front());
  }
}

void sim_engine::finish(operation& op, completion c) {
  net_.record(home_, trace::kind::completed, static_cast<std::int64_t>(op.code), op.fd, c.result);
  note_completed(op, c);
  op.queue = nowhere;
  op.on_completion(op, c);
}

void sim_engine::deliver_more(operation& op, completion c) {
  net_.record(home_, trace::kind::completed, static_cast<std::int64_t>(op.code), op.fd, c.result);
  note_completed(op, c);
  put(op, nowhere);
  op.on_completion(op, c);
  if (op.status == operation::state::cancelling) {
    enqueue(op, ending, false);
  } else if (op.code == op_code::poll_multishot) {
    if (socket* const s = find(op.fd)) {
      wait(op, *s);  // until there is a change
    } else {
      enqueue(op, ending, false);
    }
  } else {
    enqueue(op, queued, false);
  }
}

// Tries it. Whether a completion has been delivered.
bool sim_engine::run(operation& op) {
  const bool cancelling = op.status == operation::state::cancelling;
  if (queue_of(op) == ending) {
    finish(op, completion(-ECANCELED));
    return true;
  }
  socket* const s = find(op.fd);
  if (s == nullptr) {
    finish(op, completion(no_socket(op.fd, to_string(op.code))));
    return true;
  }
  if (op.code == op_code::receive_multishot) return receive_multishot(op, *s);
  if (op.code == op_code::receive_message_multishot) return receive_messages(op, *s);
  const std::int32_t result = attempt(op, *s);
  op.queue |= begun;
  if (result == must_wait && op.code == op_code::connect && s->of_unix != nullptr) {
    finish(op, completion(-EAGAIN));  // the backlog is full, and nothing tells when it is not
  } else if (result == must_wait) {
    const bool sends = op.code == op_code::send || op.code == op_code::send_message;
    if (cancelling) {
      finish(op, completion(-ECANCELED));
    } else if (sends && (op.flags & MSG_DONTWAIT) != 0) {
      finish(op, completion(-EAGAIN));
    } else {
      wait(op, *s);
      return false;
    }
  } else if (result >= 0 && wring::facts_of(op.code).multishot) {
    deliver_more(op, completion(result, completion::more_follow));
  } else {
    finish(op, completion(result));
  }
  return true;
}

std::int32_t sim_engine::attempt(operation& op, socket& s) {
  const int flags = static_cast<int>(op.flags);
  const std::span<std::byte> bytes(static_cast<std::byte*>(op.data), op.length);
  switch (op.code) {
    case op_code::accept_multishot:
      return accept(s, static_cast<accepted_address*>(op.data));
    case op_code::connect:
      return connect(op, s);
    case op_code::receive:
    case op_code::read:
      return receive(s, bytes, op.code == op_code::read ? 0 : flags);
    case op_code::receive_message:
      return receive_message(s, *static_cast<::msghdr*>(op.data), flags);
    case op_code::send:
    case op_code::write:
      return send(s, bytes);
    case op_code::send_message:
      return send(s, *static_cast<const ::msghdr*>(op.data));
    case op_code::poll:
    case op_code::poll_multishot: {
      const std::int32_t events = polled(s, op.flags);
      return events == 0 ? must_wait : events;
    }
    default:
      return not_simulated(to_string(op.code));
  }
}

bool sim_engine::receive_multishot(operation& op, socket& s) {
  std::int32_t result = receivable(s);
  std::uint32_t id = 0;
  std::uint32_t flags = 0;
  if (result > 0 && !buffers_.acquire(id)) {
    finish(op, completion(-ENOBUFS));
    return true;
  }
  if (result > 0) {
    result = receive(s, buffers_.memory(id), 0);
    buffers_.filled(id);
    flags = completion::in_buffer(id);
  }
  if (result > 0 && !net_.happens(fault::early_end, net_.chances().early_end, home_)) {
    deliver_more(op, completion(result, completion::more_follow | flags));
  } else if (result != must_wait) {
    finish(op, completion(result, flags));
  } else if (op.status == operation::state::cancelling) {
    finish(op, completion(-ECANCELED));
  } else {
    wait(op, s);
    return false;
  }
  return true;
}

unsigned sim_engine::run_ready(unsigned limit) {
  unsigned delivered = 0;
  // What is queued meanwhile is tried in another turn.
  for (std::size_t left = ready_.size(); left != 0 && delivered != limit; --left) {
    if (left > 1 && net_.happens(fault::reorder, net_.chances().reorder, home_)) {
      random_stream& draws = home_.fault_streams[static_cast<std::size_t>(fault::reorder)];
      std::swap(ready_.front(), ready_[draws.below(left)]);
    }
    const ready next = ready_.front();
    ready_.pop_front();
    if (next.due > net_.now()) {
      ready_.push_back(next);
    } else if (run(*next.op)) {
      ++delivered;
    }
  }
  return delivered;
}

std::int64_t sim_engine::next_ready() const noexcept {
  std::int64_t first = jobs_.empty() ? machine::never : net_.now();
  for (const ready& r : ready_) first = std::min(first, r.due);
  return first;
}

// Jobs run in a turn that follows the one that began them, one after the other.
unsigned sim_engine::run_jobs() {
  unsigned count = 0;
  for (wring::detail::pool_job* const job : std::exchange(jobs_, {})) {
    job->begun_at.store(1, std::memory_order_relaxed);
    job->run(*job);
    job->ended(*job);
    ++count;
  }
  return count;
}

int sim_engine::begin_job(thread_pool&, wring::detail::pool_job& job) noexcept {
  jobs_.push_back(&job);
  net_.schedule(home_, net_.now());
  return 0;
}

bool sim_engine::withdraw_job(thread_pool&, wring::detail::pool_job& job, bool) noexcept {
  return std::erase(jobs_, &job) != 0;
}

// Turns.

void sim_engine::wake() noexcept {
  woken_.store(true, std::memory_order_relaxed);
  net_.note_wake();
}

unsigned sim_engine::turn(std::int64_t deadline, unsigned limit) {
  if (!std::exchange(introduced_, true)) {
    if (scheduler* const s = scheduler::try_current(); s != nullptr) {
      s->service<net::detail::chosen_resolver>().of_world = &net_.names();
    }
  }
  unsigned delivered = 0;
  if (own_world_ != nullptr && deadline == no_wait) {
    const std::int64_t until = net_.now() + network::turn_takes;
    while (net_.run_next(until)) {
    }
    net_.move_to(until);
  }
  const unsigned jobs = run_jobs();
  delivered = run_ready(limit);
  if (deadline != no_wait && delivered == 0 && jobs == 0) pass_time(deadline, limit, delivered);
  woken_.store(false, std::memory_order_relaxed);
  return delivered;
}

// Until something is delivered, or it is woken, or the time has come.
void sim_engine::pass_time(std::int64_t deadline, unsigned limit, unsigned& delivered) {
  const std::int64_t until = deadline >= far_deadline ? machine::never : home_.world_time_of(deadline);
  while (delivered == 0 && !woken()) {
    if (next_ready() <= net_.now()) {
      if (run_jobs() != 0) return;
      delivered = run_ready(limit);
      if (delivered != 0 || woken()) return;
    }
    if (net_.run_next(until)) continue;
    if (woken()) return;
    if (until == machine::never) report_deadlock();
    net_.move_to(until);
    return;
  }
}

void sim_engine::report_deadlock() {
  scheduler* const s = scheduler::try_current();
  throw deadlock(fmt::format("sim: tasks wait, and nothing can happen any more ({})\n{}", net_.where(),
                             s != nullptr ? dump_tasks(*s) : std::string()));
}

void sim_engine::shut_down() noexcept {
  cancel_all();
  while (in_flight() != 0) run_ready(~0U);
}

std::string sim_engine::explain() const {
  return fmt::format(
      "engine: simulation, seed {}\n"
      "network: TCP and UDP between the hosts of a world of {}\n"
      "time: passes when nothing else can happen\n",
      net_.seed(), net_.machines().size());
}

}  // namespace wring::sim::detail

namespace wring::detail {

std::unique_ptr<engine> make_simulated_engine(const engine_options& options, engine_faults* faults) {
  using namespace sim::detail;
  const std::uint64_t seed = seed_of_environment();
  auto world = std::make_unique<network>(seed, sim::link_options(), sim::fault_options(), ~std::uint64_t{0});
  auto home = std::make_unique<lone_machine>(*world, "host", 0, seed);
  world->names().add("localhost", {"127.0.0.1", "::1"});
  if (faults != nullptr) {
    return std::make_unique<failing_engine<sim_engine>>(*faults, std::move(world), std::move(home), options);
  }
  return std::make_unique<sim_engine>(std::move(world), std::move(home), options);
}

}  // namespace wring::detail
