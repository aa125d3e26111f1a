// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <pthread.h>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

#include <wring/core/detail/destroyed_in_use.hpp>
#include <wring/core/log.hpp>
#include <wring/core/thread_pool.hpp>

namespace wring {

namespace {

const thread_pool_options& checked(const thread_pool_options& options) {
  constexpr unsigned most = 4096;
  if (options.threads == 0 || options.threads > most) {
    throw std::invalid_argument(
        fmt::format("thread_pool_options::threads is {}: it must be from 1 to {}", options.threads, most));
  }
  return options;
}

/// Threads made meanwhile take no signals except those of their own faults: all others are for the program's threads.
class signals_blocked {
 public:
  signals_blocked() noexcept {
    ::sigset_t others;
    ::sigfillset(&others);
    for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT}) ::sigdelset(&others, fault);
    ::pthread_sigmask(SIG_SETMASK, &others, &before_);
  }
  signals_blocked(const signals_blocked&) = delete;
  signals_blocked& operator=(const signals_blocked&) = delete;
  ~signals_blocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  ::sigset_t before_;
};

// The kernel keeps 15 bytes: the pool's name is cut to what the number leaves.
void name_this_thread(std::string_view pool, unsigned number) noexcept {
  std::array<char, 16> text{};
  const std::size_t digits = fmt::formatted_size("{}", number);
  const std::size_t room = text.size() - 1 - std::string_view("wring-/").size() - digits;
  fmt::format_to(text.data(), "wring-{}/{}", pool.substr(0, room), number);
  ::pthread_setname_np(::pthread_self(), text.data());
}

// The pools of the process. They are never destroyed: when it ends their threads may still run.
struct shared_pool {
  const char* name;
  unsigned threads;  // 0: as many as there are processors
  std::size_t queue_limit = unlimited;
  std::atomic<thread_pool*> pool = nullptr;  // made when it is first asked for
  thread_pool* of_parent = nullptr;          // in a fork: what it has inherited, without the threads
};

constinit shared_pool user_pool{.name = "user", .threads = 16};
constinit shared_pool files_pool{.name = "files", .threads = 4};
constinit shared_pool names_pool{.name = "names", .threads = 16, .queue_limit = 256};
constinit shared_pool crypto_pool{.name = "crypto", .threads = 0};
constexpr std::array shared_pools{&user_pool, &files_pool, &names_pool, &crypto_pool};

// A fork has none of the threads, and one of them may have held the lock: it starts with new pools.
[[maybe_unused]] const bool renewed_by_forks = ::pthread_atfork(nullptr, nullptr, [] {
                                                 for (shared_pool* const s : shared_pools) {
                                                   if (thread_pool* const inherited = s->pool.exchange(nullptr))
                                                     s->of_parent = inherited;
                                                 }
                                               }) == 0;

thread_pool& shared(shared_pool& s) {
  thread_pool* pool = s.pool.load(std::memory_order_acquire);
  if (pool != nullptr) return *pool;
  const unsigned processors = std::max(1U, std::thread::hardware_concurrency());
  auto* const made =
      new thread_pool(s.name, {.threads = s.threads != 0 ? s.threads : processors, .queue_limit = s.queue_limit});
  if (s.pool.compare_exchange_strong(pool, made, std::memory_order_acq_rel)) return *made;
  delete made;  // another thread was first
  return *pool;
}

}  // namespace

thread_pool& thread_pool::user() { return shared(user_pool); }
thread_pool& thread_pool::files() { return shared(files_pool); }
thread_pool& thread_pool::names() { return shared(names_pool); }
thread_pool& thread_pool::crypto() { return shared(crypto_pool); }

thread_pool::thread_pool(std::string_view name, const thread_pool_options& options)
    : name_(name), options_(checked(options)) {}

thread_pool::~thread_pool() {
  std::vector<std::thread> left;
  {
    const std::lock_guard lock(mutex_);
    const bool awaited =
        std::ranges::any_of(workers_, [](const worker& w) { return w.job != nullptr && !w.abandoned; });
    if (first_ != nullptr || awaited) detail::destroyed_in_use("a thread_pool");
    closing_ = true;
    for (worker& w : workers_) {
      if (w.alive) left.push_back(std::move(w.thread));
    }
  }
  wanted_.notify_all();
  for (std::thread& thread : left) thread.join();
}

thread_pool_options thread_pool::options() const noexcept {
  const std::lock_guard lock(mutex_);
  return options_;
}

void thread_pool::set_options(const thread_pool_options& options) {
  static_cast<void>(checked(options));
  {
    const std::lock_guard lock(mutex_);
    options_ = options;
    for (std::size_t n = idle_; n < queued_ && alive_ < options_.threads && start_thread(); ++n) {
    }
  }
  wanted_.notify_all();  // some may be too many now, or have less time
}

pool_stats thread_pool::stats() const noexcept {
  const std::lock_guard lock(mutex_);
  pool_stats now = totals_;
  now.threads = alive_;
  now.idle = idle_;
  now.queued = queued_;
  std::int64_t oldest = clock_now();
  const std::int64_t time = oldest;
  for (const worker& w : workers_) {
    if (w.job == nullptr) continue;
    ++now.running;
    if (w.abandoned) ++now.abandoned;
    oldest = std::min(oldest, w.since);
  }
  now.longest = std::chrono::nanoseconds(time - oldest);
  return now;
}

std::int64_t thread_pool::clock_now() noexcept { return std::chrono::steady_clock::now().time_since_epoch().count(); }

int thread_pool::begin(detail::pool_job& job) noexcept {
  {
    const std::lock_guard lock(mutex_);
    // This many queued jobs are about to be taken by idle threads.
    if (queued_ >= idle_ && (alive_ >= options_.threads || !start_thread())) {
      const int refusal = alive_ == 0 ? -EAGAIN : queued_ - idle_ >= options_.queue_limit ? -ENOBUFS : 0;
      if (refusal != 0) {
        ++totals_.refused;
        return refusal;
      }
    }
    job.queued_at = clock_now();
    job.previous = last_;
    job.next = nullptr;
    (last_ != nullptr ? last_->next : first_) = &job;
    last_ = &job;
    job.queued = true;
    totals_.most_queued = std::max(totals_.most_queued, ++queued_);
  }
  wanted_.notify_one();
  return 0;
}

void thread_pool::unlink(detail::pool_job& job) noexcept {
  (job.previous != nullptr ? job.previous->next : first_) = job.next;
  (job.next != nullptr ? job.next->previous : last_) = job.previous;
  job.queued = false;
  --queued_;
}

bool thread_pool::withdraw(detail::pool_job& job, bool given_up) noexcept {
  const std::lock_guard lock(mutex_);
  if (job.queued) {
    unlink(job);
    ++totals_.withdrawn;
    return true;
  }
  worker& by = workers_[job.worker];
  if (given_up && by.job == &job) by.abandoned = true;
  return false;
}

bool thread_pool::start_thread() noexcept {
  try {
    auto place = std::ranges::find(workers_, false, &worker::alive);
    if (place == workers_.end()) place = workers_.emplace(place);
    const auto number = static_cast<unsigned>(place - workers_.begin());
    const signals_blocked meanwhile;
    place->thread = std::thread([this, number] { work(number); });
    place->alive = true;
    totals_.most_threads = std::max(totals_.most_threads, ++alive_);
    ++idle_;
    return true;
  } catch (const std::exception&) {
    return false;
  }
}

// False: the thread is to end.
bool thread_pool::wait_for_work(std::unique_lock<std::mutex>& lock) noexcept {
  constexpr duration long_time = std::chrono::hours(24 * 365);
  while (alive_ <= options_.threads) {
    if (first_ != nullptr) return true;
    if (closing_) return false;
    const std::chrono::nanoseconds time = std::min(options_.idle_timeout, long_time);
    if (wanted_.wait_for(lock, time) == std::cv_status::timeout && first_ == nullptr) return false;
  }
  return false;
}

void thread_pool::work(unsigned number) noexcept {
  name_this_thread(name_, number);
  std::unique_lock lock(mutex_);
  while (wait_for_work(lock)) {
    detail::pool_job& job = *first_;
    unlink(job);
    --idle_;
    job.worker = number;
    const std::int64_t now = clock_now();
    job.begun_at.store(now, std::memory_order_relaxed);
    worker& self = workers_[number];
    self.job = &job;
    self.since = now;
    self.abandoned = self.reported = false;
    lock.unlock();
    job.run(job);
    lock.lock();
    workers_[number].job = nullptr;
    ++idle_;
    ++totals_.ended;
    lock.unlock();
    job.ended(job);
    lock.lock();
  }
  --alive_;
  --idle_;
  workers_[number].alive = false;
  // Only the destructor joins it, which has then taken it over.
  if (!closing_) workers_[number].thread.detach();
}

void thread_pool::report_abandoned() noexcept {
  std::size_t count = 0;
  std::int64_t longest = 0;
  {
    const std::lock_guard lock(mutex_);
    const std::int64_t now = clock_now();
    for (worker& w : workers_) {
      if (w.job == nullptr || !w.abandoned || std::exchange(w.reported, true)) continue;
      ++count;
      longest = std::max(longest, now - w.since);
    }
  }
  if (count == 0) return;
  log::warn("the process ends without waiting for jobs that were abandoned and still run", {"pool", name_},
            {"jobs", count}, {"longest_ms", longest / 1'000'000});
}

void detail::report_abandoned_jobs() noexcept {
  for (const shared_pool* const s : shared_pools) {
    if (thread_pool* const pool = s->pool.load(std::memory_order_acquire)) pool->report_abandoned();
  }
}

}  // namespace wring
