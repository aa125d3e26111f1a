// SPDX-License-Identifier: MIT
// What a deferred costs: time, and calls of operator new, for each round.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <utility>

#include <wring/wring.hpp>

namespace {

std::size_t allocations = 0;

constexpr int rounds = 1'000'000;
volatile int sink = 0;

template <class Round>
void measure(const char* what, Round round) {
  for (int i = 0; i != rounds / 10; ++i) round();
  const std::size_t before = allocations;
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i != rounds; ++i) round();
  const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - start;
  std::printf("%-44s %7.1f ns %8.3f allocations\n", what, took.count() / rounds,
              static_cast<double>(allocations - before) / rounds);
}

void make_and_fire(int callbacks) {
  wring::deferred_source<int> source;
  auto d = source.get();
  int sum = 0;
  for (int i = 0; i != callbacks; ++i) d.add_callback([&sum](int n) { return sum += n; });
  source.callback(1);
  sink = sum;
}

wring::task<int> at_once(int n) { co_return n; }

wring::task<> in_tasks() {
  constexpr int batch = 1000;
  auto start = std::chrono::steady_clock::now();
  std::size_t before = 0;
  for (int i = 0; i != rounds; ++i) {
    if (i == batch) {
      before = allocations;
      start = std::chrono::steady_clock::now();
    }
    auto fired = wring::succeed(i);
    sink = co_await std::move(fired);
  }
  const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - start;
  std::printf("%-44s %7.1f ns %8.3f allocations\n", "make one that has fired, and await it",
              took.count() / (rounds - batch), static_cast<double>(allocations - before) / (rounds - batch));
  measure("start_deferred of a task that ends at once",
          [] { wring::start_deferred(at_once, 1).add_callback([](int n) { sink = n; }); });
}

}  // namespace

void* operator new(std::size_t size) {
  ++allocations;
  if (void* const p = std::malloc(size)) return p;
  throw std::bad_alloc();
}
void operator delete(void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }

int main() {
  measure("make and fire, without callbacks", [] { make_and_fire(0); });
  measure("make and fire with 3 callbacks", [] { make_and_fire(3); });
  measure("make and fire with 10 callbacks", [] { make_and_fire(10); });
  return wring::run(in_tasks);
}
