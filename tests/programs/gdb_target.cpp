// SPDX-License-Identifier: MIT
// A program for gdb to look into: tasks in every state that lasts. It prints a task dump when all are there, and stays.
#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <sys/prctl.h>
#include <thread>

#include <wring/wring.hpp>

namespace net = wring::net;
using namespace std::chrono_literals;

namespace {

wring::task<> wait_for(wring::event& e) { co_await e.wait(); }
wring::task<> limited(wring::event& e) { co_await wring::with_timeout(2h, wait_for(e)); }
wring::task<> late(wring::event& e) { co_await wring::with_timeout(1ms, wring::shield(wait_for(e))); }
wring::task<> named(wring::event& e) {
  co_await wring::log::with_field("user", "ada \"b\"\n", [&] { return wait_for(e); });
}
wring::task<> two_at_once(wring::event& e) { co_await wring::when_any(wring::sleep_for(3h), wait_for(e)); }
wring::task<> deep(wring::event& e, int levels) {
  if (levels == 0) {
    co_await wait_for(e);
  } else {
    co_await deep(e, levels - 1);
  }
}
wring::task<> lock(wring::mutex& m) { auto held = co_await m.lock(); }
wring::task<> take(wring::channel<int>& c) { co_await c.receive(); }
wring::task<int> never_connected(int candidate) {
  co_await wring::sleep_for(6h);
  co_return candidate;
}
wring::task<> race() {
  net::connect_race<int> attempts({1, 2, 3}, {.attempt_delay = 5h});
  co_await attempts.run(never_connected);
}

wring::task<> compute(wring::thread_pool& pool) {
  co_await wring::offload(pool, [] { std::this_thread::sleep_for(5h); });
}
wring::task<> ask(wring::thread_pool& pool) {
  co_await wring::offload_owned(pool, [] { std::this_thread::sleep_for(5h); });
}

wring::task<> client(net::socket_address to) {
  auto server = co_await net::connect_tcp(to);
  std::array<std::byte, 8> bytes{};
  co_await server.read(bytes);
}
wring::task<> session(net::tcp_stream peer) {
  while (auto chunk = co_await peer.read_some()) co_await peer.write_all(chunk);
}
wring::task<> accept(net::tcp_listener& listener) { auto peer = co_await listener.accept(); }

wring::task<> stay() {
  wring::event never;
  wring::mutex m;
  wring::channel<int> c(1);
  wring::thread_pool pool("one", {.threads = 1});
  auto held = co_await m.lock();
  auto listener = co_await net::listen_tcp({.address = net::ip_address::loopback_v6});
  auto body = [&](wring::nursery& n) -> wring::task<> {
    n.start(client, listener.local_address());
    auto peer = co_await listener.accept();
    n.start(session, std::move(peer));
    n.start(accept, std::ref(listener));
    for (int i = 0; i != 3; ++i) n.start(limited, std::ref(never));
    n.start(late, std::ref(never));
    n.start(named, std::ref(never));
    n.start(two_at_once, std::ref(never));
    n.start(deep, std::ref(never), 40);
    n.start(lock, std::ref(m));
    n.start(take, std::ref(c));
    n.start(compute, std::ref(pool));
    n.start(ask, std::ref(pool));
    n.start(race);
    for (int i = 0;; ++i) {
      if (i == 1) ::raise(SIGQUIT);
      if (i == 2) std::fputs("gdb_target: end\n", stderr);  // of the dump
      co_await wring::sleep_for(i < 3 ? std::chrono::nanoseconds(50ms) : 4h);
    }
  };
  co_await wring::with_nursery(std::ref(body));
}

}  // namespace

int main() {
  ::prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);  // gdb is not its parent
  wring::run_options options;
  options.dump_on_sigquit = true;
  return wring::run(options, stay);
}
