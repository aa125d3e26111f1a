// SPDX-License-Identifier: MIT
// A program for gdb to look into: tasks in every wait of the library. It prints a task dump and stops there, in the
// middle of a turn, so that also those are seen that do not last.
// The headers of details are here for what the debug information then tells of the classes in them.
#include <array>
#include <atomic>
#include <chrono>
#include <coroutine>
#include <csignal>
#include <cstdio>
#include <functional>
#include <span>
#include <stdexcept>
#include <string>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include <wring/callback.hpp>
#include <wring/core/detail/awaiting/turn.hpp>
#include <wring/core/engine/name_lookup.hpp>
#include <wring/core/testing/clock.hpp>
#include <wring/core/testing/held_clock.hpp>
#include <wring/net/detail/socket_connect_wait.hpp>
#include <wring/net/detail/socket_file_wait.hpp>
#include <wring/net/detail/socket_forward_wait.hpp>
#include <wring/net/names/detail/lookup.hpp>
#include <wring/wring.hpp>

namespace net = wring::net;
using namespace std::chrono_literals;

namespace {

struct foreign_awaitable {
  static bool await_ready() noexcept { return false; }
  static void await_suspend(std::coroutine_handle<>) noexcept {}
  static void await_resume() noexcept {}
};

[[noreturn]] void pause_for_ever() {
  for (;;) ::pause();
}
// Only the library's own sources use them.
[[gnu::used]] const net::detail::socket_forward_wait* const forwarding = nullptr;
[[gnu::used]] const net::detail::socket_file_wait* const sending = nullptr;

std::atomic<bool> looks_up = false;
wring::detail::name_answer look_up_in_vain(const wring::detail::name_request&) {
  looks_up = true;
  pause_for_ever();
}

/// What the tasks wait for, and wait for in vain.
struct world {
  net::tcp_listener listener;
  net::tcp_listener next_listener;
  net::tcp_listener closed_listener;
  net::tcp_listener drained_listener;
  net::tcp_stream peer;
  net::tcp_stream stream;
  net::tcp_stream quiet_peer;
  net::tcp_stream quiet_stream;
  net::tcp_stream copied_peer;
  net::tcp_stream copied_stream;
  net::tcp_stream peer_of_closed;
  net::tcp_stream closed_stream;
  std::pair<net::unix_stream, net::unix_stream> local = net::socket_pair();
  net::udp_socket datagrams;
  net::udp_socket connected_datagrams;
  net::udp_socket closed_datagrams;
  net::file file;
  net::file sent_file;
  net::unix_datagram local_datagrams;
  std::pair<net::pipe_reader, net::pipe_writer> piped = net::make_pipe();
  std::pair<net::pipe_reader, net::pipe_writer> quiet_pipe = net::make_pipe();
  std::pair<net::pipe_reader, net::pipe_writer> closed_pipe = net::make_pipe();
  net::process process;
  std::pair<net::memory_stream, net::memory_stream> memory = net::make_memory_stream_pair({.capacity = 1});
  wring::event event;
  wring::mutex mutex;
  wring::semaphore semaphore{0};
  wring::channel<int> sent{1};
  wring::channel<int> received{1};
  wring::cross_channel<int> sent_across{1};
  wring::cross_channel<int> received_across{1};
  wring::signals signals{SIGUSR2};
  wring::condition condition;
  wring::latch latch{1};
  wring::barrier barrier{2};
  wring::shared_result<> result;
  wring::rate_limiter rate{{.period = 1h}};
  wring::thread_pool pool{"waits"};
  net::system_resolver silent_names{{}, look_up_in_vain};
  wring::deferred_source<int> source;
  std::vector<std::byte> much = std::vector<std::byte>(std::size_t{64} << 20);
  std::array<std::span<const std::byte>, 2> parts{much, much};
  std::array<int, 1> passed{STDIN_FILENO};
  std::array<int, 2> pipe{};
};

wring::task<> connect_pair(net::tcp_listener& listener, net::tcp_stream& near, net::tcp_stream& far) {
  near = co_await net::connect_tcp(listener.local_address());
  far = co_await listener.accept();
}

wring::task<> prepare(world& w) {
  for (auto* each : {&w.listener, &w.next_listener, &w.closed_listener, &w.drained_listener}) {
    *each = co_await net::listen_tcp({.address = net::ip_address::loopback_v4});
  }
  co_await connect_pair(w.listener, w.stream, w.peer);
  co_await connect_pair(w.listener, w.quiet_stream, w.quiet_peer);
  co_await connect_pair(w.listener, w.copied_stream, w.copied_peer);
  co_await connect_pair(w.listener, w.closed_stream, w.peer_of_closed);
  w.datagrams = co_await net::bind_udp({.address = net::ip_address::loopback_v4});
  w.connected_datagrams = co_await net::connect_udp(w.datagrams.local_address());
  w.closed_datagrams = co_await net::bind_udp({.address = net::ip_address::loopback_v4});
  w.file = co_await net::open_file("/proc/self/exe");
  w.sent_file = co_await net::open_file("/proc/self/exe");
  // It ends with this program, however that ends.
  net::command waiting("cat");
  waiting.input(net::process_io::pipe()).output(net::process_io::null()).error(net::process_io::null());
  w.process = co_await net::spawn(waiting);
  w.local_datagrams = co_await net::bind_unix_datagram(net::socket_address::from_abstract_name("wring-gdb-waits"));
  if (::pipe(w.pipe.data()) != 0) throw std::runtime_error("pipe");
}

wring::task<> wait_for_child(wring::event& e) {
  auto body = [&](wring::nursery& n) -> wring::task<> {
    n.start([&]() -> wring::task<> { co_await e.wait(); });
    co_return;
  };
  co_await wring::with_nursery(std::ref(body));
}
wring::task<> wait_for_room(wring::event& e) {
  wring::nursery n({.limit = 1});
  auto body = [&]() -> wring::task<> {
    n.start([&]() -> wring::task<> { co_await e.wait(); });
    co_await n.vacancy();
  };
  co_await n.run(std::ref(body));
}
wring::task<> wait_until_ready(wring::event& e) {
  auto body = [&](wring::nursery& n) -> wring::task<> {
    co_await n.start_ready([&](wring::ready_signal<> ready) -> wring::task<> {
      co_await e.wait();
      ready();
    });
  };
  co_await wring::with_nursery(std::ref(body));
}

wring::task<int> connect_in_vain(int candidate) {
  co_await wring::sleep_for(1h);
  co_return candidate;
}

/// What is waited for until somebody ends it.
void start_lasting(wring::nursery& n, world& w) {
  n.start([&]() -> wring::task<> { co_await wring::with_timeout(2h, w.event.wait()); });
  n.start([&]() -> wring::task<> { auto held = co_await w.mutex.lock(); });
  n.start([&]() -> wring::task<> { auto held = co_await w.semaphore.acquire(); });
  n.start([&]() -> wring::task<> { co_await w.sent.send(2); });
  n.start([&]() -> wring::task<> { co_await w.received.receive(); });
  n.start([&]() -> wring::task<> {
    co_await w.sent_across.send(1);
    co_await w.sent_across.send(2);
  });
  n.start([&]() -> wring::task<> { co_await w.received_across.receive(); });
  n.start([&]() -> wring::task<> {
    co_await wring::submit_to(wring::scheduler::current(), wait_for_child, std::ref(w.event));
  });
  n.start([&]() -> wring::task<> { co_await w.signals.next(); });
  n.start([&]() -> wring::task<> { co_await w.condition.wait(); });
  n.start([&]() -> wring::task<> { co_await w.condition.wait([] { return false; }); });
  n.start([&]() -> wring::task<> { co_await w.latch.wait(); });
  n.start([&]() -> wring::task<> { co_await w.barrier.arrive_and_wait(); });
  n.start([&]() -> wring::task<> { co_await w.result.get(); });
  n.start([&]() -> wring::task<> {
    co_await w.rate.acquire();
    co_await w.rate.acquire();
  });
  n.start([]() -> wring::task<> { co_await wring::until_stopping(); });
  n.start([&]() -> wring::task<> { co_await wring::offload(w.pool, pause_for_ever); });
  n.start([&]() -> wring::task<> { co_await wring::offload_owned(w.pool, pause_for_ever); });
  n.start([&]() -> wring::task<> { co_await w.silent_names.resolve({.host = "nobody.answers"}); });
  n.start([]() -> wring::task<> {
    net::connect_race<int> attempts({1, 2}, {.attempt_delay = 1h});
    co_await attempts.run(connect_in_vain);
  });
  n.start([&]() -> wring::task<> { co_await w.source.get(); });
  n.start([]() -> wring::task<> { co_await foreign_awaitable(); });
  n.start([]() -> wring::task<> { co_await wring::sleep_for(1h); });
  n.start([]() -> wring::task<> {
    wring::interval every(1h);
    co_await every.tick();
  });
  n.start([&]() -> wring::task<> { co_await wring::when_all(w.event.wait(), w.event.wait()); });
  n.start([&]() -> wring::task<> { co_await wring::when_any(w.event.wait(), w.event.wait()); });
  n.start(wait_for_child, std::ref(w.event));
  n.start(wait_for_room, std::ref(w.event));
  n.start(wait_until_ready, std::ref(w.event));
  n.start([&]() -> wring::task<> { co_await wring::readable(w.pipe[0]); });
  n.start([&]() -> wring::task<> { co_await w.listener.accept(); });
  n.start([&]() -> wring::task<> {
    auto connections = w.next_listener.connections();
    co_await connections.next();
  });
  n.start([&]() -> wring::task<> { co_await w.stream.read_some(); });
  n.start([&]() -> wring::task<> {
    std::array<std::byte, 8> into{};
    co_await w.quiet_stream.read(into);
  });
  n.start([&]() -> wring::task<> { static_cast<void>(co_await net::copy(w.copied_stream, w.copied_peer)); });
  n.start([&]() -> wring::task<> { co_await w.datagrams.receive(); });
  n.start([&]() -> wring::task<> { co_await w.local_datagrams.receive(); });
  n.start([&]() -> wring::task<> {
    auto messages = w.connected_datagrams.messages();
    co_await messages.next();
  });
  // What is in flight when these are closed.
  n.start([&]() -> wring::task<> { static_cast<void>(co_await w.closed_datagrams.receive().result()); });
  n.start([&]() -> wring::task<> { static_cast<void>(co_await w.closed_stream.read_some().result()); });
  n.start([&]() -> wring::task<> { static_cast<void>(co_await w.closed_listener.accept().result()); });
  n.start([&]() -> wring::task<> { static_cast<void>(co_await w.drained_listener.accept().result()); });
  n.start([&]() -> wring::task<> { co_await w.stream.write_all(w.much); });
  n.start([&]() -> wring::task<> { co_await w.stream.write_all(w.parts); });
  n.start([&]() -> wring::task<> { co_await net::send_file(w.stream, w.sent_file, {.count = 4096}); });
  n.start([&]() -> wring::task<> { co_await w.local.first.write_all(w.much, w.passed); });
  n.start([&]() -> wring::task<> { co_await w.stream.shut_down_write(); });
  n.start([&]() -> wring::task<> { co_await w.memory.first.read_some(); });
  n.start([&]() -> wring::task<> { co_await w.quiet_pipe.first.read_some(); });
  n.start([&]() -> wring::task<> { co_await w.piped.second.write_all(w.much); });
  n.start([&]() -> wring::task<> { co_await w.process.wait(); });
  n.start([&]() -> wring::task<> { static_cast<void>(co_await w.closed_pipe.first.read_some().result()); });
  n.start([&]() -> wring::task<> { co_await w.memory.first.write_all(w.much); });
}

/// What never has to wait, awaited again and again: the task yields to the others.
void start_yielding(wring::nursery& n, world& w) {
  n.start([&]() -> wring::task<> {
    const net::socket_address nobody(net::ip_address::loopback_v4, 9);
    for (;;) co_await w.datagrams.send_to(nobody, "x");
  });
  n.start([]() -> wring::task<> {
    for (;;) co_await wring::detail::turn();
  });
  n.start([&]() -> wring::task<> {
    for (;;) co_await w.file.shut_down_write();
  });
  n.start([]() -> wring::task<> {
    net::tcp_stream none;
    for (;;) co_await none.establish();
  });
  n.start([]() -> wring::task<> {
    net::any_listener none;
    for (;;) co_await none.close();
  });
}

/// What ends in the next turn.
void start_passing(wring::nursery& n, world& w, net::outbox& of_tcp, net::outbox& of_memory,
                   wring::testing::clock& clock) {
  n.start([&]() -> wring::task<> { co_await of_tcp.drained(); });
  n.start([&]() -> wring::task<> { co_await of_memory.drained(); });
  // Not connect_tcp, in which only the library knows what it waits in.
  n.start([&]() -> wring::task<> {
    const net::socket_address to = w.listener.local_address();
    const int made = ::socket(to.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    co_await net::detail::socket_connect_wait(made, to);
  });
  n.start([&]() -> wring::task<> { co_await w.closed_stream.close(); });
  n.start([&]() -> wring::task<> { co_await w.closed_listener.close(); });
  n.start([&]() -> wring::task<> { co_await w.closed_pipe.first.close(); });
  n.start([&]() -> wring::task<> { co_await w.closed_datagrams.close(); });
  n.start([&]() -> wring::task<> { co_await w.drained_listener.drain(); });
  n.start([&]() -> wring::task<> { co_await w.file.read_some(); });
  n.start([&]() -> wring::task<> {
    std::array<std::byte, 8> into{};
    co_await w.file.read_at(0, into);
  });
  n.start([&]() -> wring::task<> { co_await w.file.write_at(0, "x"); });
  n.start([&]() -> wring::task<> { co_await w.file.sync(); });
  n.start([&]() -> wring::task<> { co_await clock.settle(); });
}

wring::task<> stay() {
  world w;
  co_await prepare(w);
  auto held = co_await w.mutex.lock();
  co_await w.sent.send(1);
  auto body = [&](wring::nursery& n) -> wring::task<> {
    start_lasting(n, w);
    start_yielding(n, w);
    net::outbox of_tcp(w.peer, n);
    net::outbox of_memory(w.memory.second, n);
    co_await wring::sleep_for(20ms);  // until the kernel has begun what it will not end
    while (!looks_up) co_await wring::sleep_for(1ms);
    wring::testing::clock clock;
    of_tcp.post("news");
    of_memory.post("news");
    start_passing(n, w, of_tcp, of_memory, clock);
    co_await wring::yield();
    std::fputs((wring::dump_tasks() + "gdb_target: end\n").c_str(), stderr);
    for (;;) ::pause();
  };
  co_await wring::with_nursery(std::ref(body));
}

}  // namespace

int main() {
  ::prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);  // gdb is not its parent
  wring::run_options options;
  options.scheduler.leaf_budget = 1;
  return wring::run(options, stay);
}
