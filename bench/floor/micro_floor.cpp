// SPDX-License-Identifier: MIT
//
// The floor of the micro-costs: coroutines, a queue and a timer wheel by hand, with no cancellation, no failures, no
// context and no checks. Rows as in bench_micro.

#include <array>
#include <bit>
#include <condition_variable>
#include <coroutine>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>

#include "common/micro.hpp"

namespace {

/// Frames by size class, never given back.
std::array<void*, 32> free_frames;

void* allocate_frame(std::size_t size) {
  const std::size_t index = (size + 63) / 64;
  if (index >= free_frames.size()) return std::malloc(size);
  if (void* frame = free_frames[index]) {
    free_frames[index] = *static_cast<void**>(frame);
    return frame;
  }
  return std::malloc(index * 64);
}

void free_frame(void* frame, std::size_t size) {
  const std::size_t index = (size + 63) / 64;
  if (index >= free_frames.size()) return std::free(frame);
  *static_cast<void**>(frame) = free_frames[index];
  free_frames[index] = frame;
}

struct recycled {
  static void* operator new(std::size_t size) { return allocate_frame(size); }
  static void operator delete(void* frame, std::size_t size) { free_frame(frame, size); }
};

struct node {
  node* next = nullptr;
  std::coroutine_handle<> frame;
};

/// What is ready to run, first come, first served.
struct {
  node* head = nullptr;
  node* tail = nullptr;

  void push(node& n) {
    n.next = nullptr;
    (tail != nullptr ? tail->next : head) = &n;
    tail = &n;
  }
  void run() {
    while (head != nullptr) {
      node* n = std::exchange(head, head->next);
      if (head == nullptr) tail = nullptr;
      n->frame.resume();
    }
  }
} ready;

struct give_way {
  node own;
  static bool await_ready() { return false; }
  void await_suspend(std::coroutine_handle<> frame) {
    own.frame = frame;
    ready.push(own);
  }
  static void await_resume() {}
};

/// A task of its own, which is queued when it is called.
struct detached {
  struct promise_type : recycled {
    node own;
    detached get_return_object() {
      own.frame = std::coroutine_handle<promise_type>::from_promise(*this);
      ready.push(own);
      return {};
    }
    static std::suspend_always initial_suspend() noexcept { return {}; }
    static std::suspend_never final_suspend() noexcept { return {}; }
    static void return_void() {}
    static void unhandled_exception() { std::abort(); }
  };
};

/// A child that its parent awaits.
class number_task {
 public:
  struct promise_type : recycled {
    std::uint64_t value = 0;
    std::coroutine_handle<> parent;
    number_task get_return_object() { return number_task(std::coroutine_handle<promise_type>::from_promise(*this)); }
    static std::suspend_always initial_suspend() noexcept { return {}; }
    struct back {
      static bool await_ready() noexcept { return false; }
      static std::coroutine_handle<> await_suspend(std::coroutine_handle<promise_type> frame) noexcept {
        return frame.promise().parent;
      }
      static void await_resume() noexcept {}
    };
    static back final_suspend() noexcept { return {}; }
    void return_value(std::uint64_t v) { value = v; }
    static void unhandled_exception() { std::abort(); }
  };

  number_task(const number_task&) = delete;
  number_task& operator=(const number_task&) = delete;
  ~number_task() { frame_.destroy(); }

  static bool await_ready() { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> parent) {
    frame_.promise().parent = parent;
    return frame_;
  }
  std::uint64_t await_resume() { return frame_.promise().value; }

 private:
  explicit number_task(std::coroutine_handle<promise_type> frame) : frame_(frame) {}
  std::coroutine_handle<promise_type> frame_;
};

number_task next(std::uint64_t n) { co_return n + 1; }

detached await_child(std::uint64_t count) {
  for (std::uint64_t n = 0; n < count;) n = co_await next(n);
}

detached yields(std::uint64_t count) {
  for (std::uint64_t i = 0; i < count; ++i) co_await give_way{};
}

detached add_to(std::uint64_t* sum, std::uint64_t n) {
  *sum += n;
  co_return;
}

detached starts(std::uint64_t* sum, std::uint64_t count) {
  for (std::uint64_t i = 0; i < count; ++i) {
    add_to(sum, i);
    if (i % 128 == 127) co_await give_way{};
  }
}

struct timer {
  timer* next = nullptr;
  timer** link = nullptr;

  void unlink() {
    *link = next;
    if (next != nullptr) next->link = link;
  }
};

/// 8 levels of 64 lists, by ticks of 2^16 ns.
class wheel {
 public:
  void arm(timer& t, std::int64_t deadline) {
    const std::uint64_t tick = static_cast<std::uint64_t>(deadline) >> 16;
    const unsigned level = static_cast<unsigned>(std::bit_width(tick | 1) - 1) / 6;
    timer*& head = lists_[level * 64 + ((tick >> (level * 6)) & 63)];
    t.next = head;
    t.link = &head;
    if (head != nullptr) head->link = &t.next;
    head = &t;
  }

 private:
  std::array<timer*, 8 * 64> lists_{};
};

template <class Work>
void measure(const char* name, std::uint64_t count, Work work) {
  work(count / 20);
  bench::stopwatch watch;
  watch.begin();
  work(count);
  watch.end();
  watch.print(name, count);
}

void measure_timers() {
  constexpr std::uint64_t count = 2'000'000;
  bench::random_numbers random;
  wheel w;
  const auto timers = std::make_unique<timer[]>(bench::outstanding_timers);
  for (std::size_t i = 0; i < bench::outstanding_timers; ++i) w.arm(timers[i], bench::far_deadline(0, random()));
  measure("timer_arm_cancel", count, [&](std::uint64_t n) {
    timer fresh;
    for (std::uint64_t i = 0; i < n; ++i) {
      w.arm(fresh, bench::far_deadline(0, random()));
      fresh.unlink();
    }
  });
  measure("timer_rearm_random", count, [&](std::uint64_t n) {
    for (std::uint64_t i = 0; i < n; ++i) {
      timer& t = timers[random() % bench::outstanding_timers];
      t.unlink();
      w.arm(t, bench::far_deadline(0, random()));
    }
  });
}

/// What it takes to have another thread do something and to be told, with nothing but a lock and two conditions.
void ping_pong(std::uint64_t count) {
  std::mutex mutex;
  std::condition_variable asked;
  std::condition_variable answered;
  std::uint64_t questions = 0;
  std::uint64_t answers = 0;
  std::thread other([&] {
    std::unique_lock lock(mutex);
    while (answers != count) {
      asked.wait(lock, [&] { return questions != answers; });
      ++answers;
      answered.notify_one();
    }
  });
  {
    std::unique_lock lock(mutex);
    while (questions != count) {
      ++questions;
      asked.notify_one();
      answered.wait(lock, [&] { return answers == questions; });
    }
  }
  other.join();
}

}  // namespace

int main() {
  measure("await_child", 5'000'000, [](std::uint64_t n) {
    await_child(n);
    ready.run();
  });
  measure("yield", 5'000'000, [](std::uint64_t n) {
    yields(n / 2);
    yields(n / 2);
    ready.run();
  });
  measure("start_two_arguments", 2'000'000, [](std::uint64_t n) {
    std::uint64_t sum = 0;
    starts(&sum, n);
    ready.run();
  });
  measure_timers();
  measure("offload", 20'000, ping_pong);
}
