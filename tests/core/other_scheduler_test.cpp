// SPDX-License-Identifier: MIT
// What belongs to one scheduler and is used on another: checked builds end the process, and say which two they are.
#include <csignal>
#include <functional>
#include <string>
#include <thread>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <wring/core/cancel_scope.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/runtime.hpp>
#include <wring/core/sleep.hpp>
#include <wring/core/sync/barrier.hpp>
#include <wring/core/sync/channel.hpp>
#include <wring/core/sync/condition.hpp>
#include <wring/core/sync/cross_channel.hpp>
#include <wring/core/sync/event.hpp>
#include <wring/core/sync/latch.hpp>
#include <wring/core/sync/mutex.hpp>
#include <wring/core/sync/semaphore.hpp>
#include <wring/core/sync/shared_result.hpp>
#include <wring/core/this_task.hpp>
#include <wring/net/tcp_listener.hpp>
#include <wring/net/udp_socket.hpp>

#include "support/child_process.hpp"

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::Matches;
using wring::runtime;
using wring::task;
using wring::testing::child_end;
using wring::testing::run_in_child;
namespace net = wring::net;

namespace {

#if WRING_CHECKS

/// Runs `use(objects)` on scheduler 1 of two, after `prepare(objects)` on scheduler 0, which then waits for ever.
template <class Objects, class Prepare, class Use>
child_end misuse(Prepare prepare, Use use) {
  return run_in_child([&] {
    ::alarm(30);
    Objects objects;
    wring::cross_channel<int> ready(1);
    const int code = runtime(2).run([&]() -> task<> {
      if (runtime::number() == 0) {
        co_await prepare(objects);
        co_await ready.send(1);
        co_await wring::sleep_for(wring::forever);
      }
      static_cast<void>(co_await ready.receive());
      co_await use(objects);
    });
    ::_exit(code);
  });
}

void check_named(const child_end& end, const std::string& object) {
  INFO(end.report);
  CHECK(end.status == 128 + SIGABRT);
  CHECK_THAT(end.report, Matches("(.|\n)*wring: " + object +
                                 " of the scheduler on .+ \\(thread [0-9]+\\) was used on the scheduler on wring/1 "
                                 "\\(thread [0-9]+\\): (.|\n)*"));
}

template <class T>
task<> nothing(T&) {
  co_return;
}

#endif

}  // namespace

#if WRING_CHECKS

TEST_CASE("a primitive of another scheduler ends the process, whether tasks wait for it or not",
          "[other-scheduler][threads]") {
  struct primitives {
    wring::event event;
    wring::mutex mutex;
    wring::semaphore semaphore{3};
    wring::latch latch{3};
    wring::barrier barrier{3};
    wring::condition condition;
    wring::shared_result<int> result;
    wring::channel<int> channel{3};
  };
  const auto own = [](primitives& p) -> task<> {
    p.event.reset();
    static_cast<void>(p.mutex.try_lock());
    static_cast<void>(p.semaphore.try_acquire());
    p.latch.count_down();
    p.barrier.drop();
    p.condition.notify_all();
    p.result.set(1);
    static_cast<void>(p.channel.try_send(1));
    co_return;
  };
  check_named(misuse<primitives>(own, [](primitives& p) -> task<> { co_await p.event.wait(); }), "an event");
  check_named(misuse<primitives>(own, [](primitives& p) -> task<> { auto held = co_await p.mutex.lock(); }), "a mutex");
  check_named(misuse<primitives>(own, [](primitives& p) -> task<> { auto held = co_await p.semaphore.acquire(); }),
              "a semaphore");
  check_named(misuse<primitives>(own, [](primitives& p) -> task<> { co_await p.latch.wait(); }), "a latch");
  check_named(misuse<primitives>(own, [](primitives& p) -> task<> { co_await p.barrier.arrive_and_wait(); }),
              "a barrier");
  check_named(misuse<primitives>(own, [](primitives& p) -> task<> { co_await p.condition.wait(); }), "a condition");
  check_named(misuse<primitives>(own, [](primitives& p) -> task<> { co_await p.result.get(); }), "a shared_result");
  check_named(misuse<primitives>(own, [](primitives& p) -> task<> { co_await p.channel.receive(); }), "a channel");
}

TEST_CASE("what wakes, cancels or starts a task of another scheduler ends the process", "[other-scheduler][threads]") {
  struct waits {
    wring::cancel_scope scope;
    wring::scheduler* owner = nullptr;
  };
  const auto sleep_inside = [](waits& w) -> task<> {
    w.owner = &wring::scheduler::current();
    w.owner->root().start([](waits& of) -> task<> { co_await of.scope.run(wring::sleep_for(wring::forever)); },
                          std::ref(w));
    co_await wring::yield();
  };
  check_named(misuse<waits>(sleep_inside,
                            [](waits& w) -> task<> {
                              w.scope.cancel();
                              co_return;
                            }),
              "a timer");
  check_named(misuse<waits>(sleep_inside,
                            [](waits& w) -> task<> {
                              w.owner->root().start(nothing<waits>, std::ref(w));
                              co_return;
                            }),
              "the root nursery");
}

TEST_CASE("a listener, stream or socket of another scheduler ends the process", "[other-scheduler][threads][real_fd]") {
  struct sockets {
    net::tcp_listener listener;
    net::tcp_stream stream;
    net::udp_socket socket;
  };
  const auto open = [](sockets& s) -> task<> {
    s.listener = co_await net::listen_tcp({.address = net::ip_address::loopback_v4});
    s.stream = co_await net::connect_tcp(s.listener.local_address());
    s.socket = co_await net::bind_udp({.address = net::ip_address::loopback_v4});
  };
  check_named(misuse<sockets>(open, [](sockets& s) -> task<> { auto peer = co_await s.listener.accept(); }),
              "a listener");
  check_named(misuse<sockets>(open, [](sockets& s) -> task<> { auto chunk = co_await s.stream.read_some(); }),
              "a stream");
  check_named(misuse<sockets>(open, [](sockets& s) -> task<> { co_await s.stream.write_all("x"); }), "a stream");
  check_named(misuse<sockets>(open, [](sockets& s) -> task<> { auto d = co_await s.socket.receive(); }), "a socket");
}

TEST_CASE("so does a thread that has no scheduler", "[other-scheduler][threads]") {
  const child_end end = run_in_child([] {
    ::alarm(30);
    wring::event done;
    ::_exit(wring::run([&]() -> task<> {
      done.reset();
      std::thread([&] { done.set(); }).join();
      co_return;
    }));
  });
  INFO(end.report);
  CHECK(end.status == 128 + SIGABRT);
  CHECK_THAT(end.report, ContainsSubstring("an event of the scheduler on "));
  CHECK_THAT(end.report, !ContainsSubstring("used on the scheduler"));
}

#endif

TEST_CASE("an object may outlive its scheduler, and belongs to the next one that uses it",
          "[other-scheduler][threads]") {
  wring::event event;
  int waits = 0;
  for (int i = 0; i != 2; ++i) {
    std::thread([&] {
      wring::run([&]() -> task<> {
        event.set();
        co_await event.wait();
        ++waits;
      });
    }).join();
  }
  event.reset();  // nobody's by now
  CHECK(waits == 2);
}
