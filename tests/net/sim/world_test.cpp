// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <numeric>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/sim.hpp>
#include <wring/wring.hpp>

#include "support/captured_log.hpp"
#include "support/child_process.hpp"

using namespace wring;
using namespace std::chrono_literals;

namespace {

constexpr std::uint16_t port = 7000;

task<> echo(net::tcp_stream peer) {
  while (const buffer_lease chunk = co_await peer.read_some()) co_await peer.write_all(chunk);
}

task<> echo_server() {
  auto listener = co_await net::listen_tcp({.port = port});
  co_await net::serve(listener, echo);
}

/// Sends and receives so many lines, and reconnects where it must.
task<> talk(int lines, int& done) {
  for (int n = 0; n != lines;) {
    try {
      net::tcp_stream s = co_await net::connect_tcp("server", port, {.timeout = 5s});
      for (; n != lines; ++n) {
        const std::string line = "line " + std::to_string(n);
        co_await with_timeout(10s, s.write_all(line));
        std::string back(line.size(), '\0');
        std::size_t got = 0;
        while (got != back.size()) {
          const auto part = std::as_writable_bytes(std::span(back)).subspan(got);
          const std::size_t count = co_await with_timeout(10s, s.read(part));
          if (count == 0) error(errc::unexpected_eof, "read from").raise();
          got += count;
        }
        if (back != line) throw std::logic_error("the wrong line: " + back);
        ++done;
        co_await sleep_for(100ms);
      }
    } catch (const io_error&) {
    }
    if (n != lines) co_await sleep_for(1s);
  }
}

task<> echo_datagrams() {
  net::udp_socket s = co_await net::bind_udp({.port = port});
  auto echo = [&](net::datagram d) -> task<> { co_await s.send_to(d.peer(), d.bytes()); };
  co_await net::serve(s, std::ref(echo));
}

/// Numbers the datagrams that it sends, and takes down the numbers that come back.
task<> ping(net::ip_address whom, int count, std::vector<int>& back) {
  net::udp_socket s = co_await net::connect_udp({whom, port});
  const auto collect = [&]() -> task<> {
    for (;;) {
      try {
        const net::datagram d = co_await s.receive();
        back.push_back(std::stoi(std::string(reinterpret_cast<const char*>(d.bytes().data()), d.bytes().size())));
      } catch (const io_error&) {
        back.push_back(-1);
      }
    }
  };
  auto body = [&](nursery& n) -> task<> {
    n.start(std::ref(collect));
    for (int i = 0; i != count; ++i) {
      const std::string text = std::to_string(i);
      static_cast<void>(co_await s.send(text).result());
      co_await sleep_for(1ms);
    }
    co_await sleep_for(20s);
    n.cancel();
  };
  co_await with_nursery(std::ref(body));
}

void talk_in(sim::world& w, int lines, std::vector<int>& done) {
  std::vector<int> back;
  w.host("server").run(echo_server);
  w.host("echo").run(echo_datagrams);
  w.host("pinging").run(ping, w.host("echo").v4(), 50, std::ref(back));
  for (std::size_t i = 0; i != done.size(); ++i) {
    w.host("client" + std::to_string(i)).run(talk, lines, std::ref(done[i]));
  }
  w.run_for(30s);
  w.calm();
  w.run_until([&] {
    for (std::size_t i = 0; i != done.size(); ++i) {
      if (w.host("client" + std::to_string(i)).running()) return false;
    }
    return true;
  });
  w.host("server").request_stop();
  w.host("echo").request_stop();
  w.run_to_end();
}

}  // namespace

TEST_CASE("a client and a server talk in a world, in its time", "[sim]") {
  int done = 0;
  sim::world w{{.seed = 7}};
  auto& server = w.host("server");
  server.run(echo_server);
  w.host("client").run(talk, 20, std::ref(done));
  w.run_for(10min);
  CHECK(done == 20);
  CHECK(w.now() == 10min);
  CHECK(w.host("client").exit_code() == 0);
  CHECK(server.running());
  server.request_stop();
  w.run_to_end();
  CHECK(server.exit_code() == 0);
}

TEST_CASE("the same seed has the same trace, and another one another", "[sim]") {
  const auto scenario = [](sim::world& w) {
    std::vector<int> done(3);
    talk_in(w, 50, done);
    for (const int each : done) CHECK(each == 50);
  };
  const auto hash = [&](std::uint64_t seed) {
    return sim::check_deterministic({.seed = seed, .faults = sim::fault_options::all()}, scenario);
  };
  CHECK(hash(1) != hash(2));
}

// What happens in a world depends on no compiler, no optimisation and no address: all builds of the tests know one
// hash. A change of what is simulated or of when tasks are resumed changes it: the test says what it is then.
TEST_CASE("a trace has the same hash in every build", "[sim]") {
  std::vector<int> done(3);
  sim::world w{{.seed = 1, .faults = sim::fault_options::all()}};
  talk_in(w, 20, done);
  CHECK(w.trace().hash() == 0x697ce68b0940ebe6U);
}

TEST_CASE("each fault that is on happens, and what it spoils recovers", "[sim]") {
  std::array<bool, sim::faults> happened{};
  for (std::uint64_t seed = 1; seed != 11; ++seed) {
    std::vector<int> done(5);
    sim::world w{{.seed = seed, .faults = sim::fault_options::all()}};
    talk_in(w, 50, done);
    for (const int each : done) CHECK(each == 50);
    for (std::size_t i = 0; i != sim::faults; ++i) happened[i] |= w.faults()[static_cast<sim::fault>(i)] != 0;
  }
  for (std::size_t i = 0; i != sim::faults; ++i) {
    CAPTURE(sim::to_string(static_cast<sim::fault>(i)));
    CHECK(happened[i]);
  }
}

TEST_CASE("datagrams arrive in order, unless faults lose them, double them or delay them", "[sim]") {
  const auto answered = [](const sim::fault_options& faults, bool anybody) {
    std::vector<int> back;
    sim::world w{{.seed = 3, .faults = faults}};
    if (anybody) w.host("echo").run(echo_datagrams);
    w.host("pinging").run(ping, w.host("echo").v6(), 200, std::ref(back));
    w.run_until([&] { return !w.host("pinging").running(); });
    return back;
  };
  std::vector<int> all(200);
  std::iota(all.begin(), all.end(), 0);
  CHECK(answered({}, true) == all);
  CHECK(answered({.datagram_loss = 500'000}, true).size() < 100);
  CHECK(answered({.datagram_twice = 500'000}, true).size() > 300);
  std::vector<int> late = answered({.datagram_late = 500'000}, true);
  CHECK(late != all);
  std::ranges::sort(late);
  CHECK(late == all);
  // Nobody is there: the other host says so, and each answer is told once, to a receive or a send.
  const std::vector<int> refused = answered({}, false);
  CHECK(!refused.empty());
  CHECK(std::ranges::count(refused, -1) == static_cast<std::ptrdiff_t>(refused.size()));
}

TEST_CASE("datagrams are lost between separated hosts, and where a queue is full", "[sim]") {
  std::vector<int> back;
  sim::world w;
  auto& echo = w.host("echo");
  auto& pinging = w.host("pinging");
  echo.run(echo_datagrams);
  w.partition(echo, pinging);
  pinging.run(ping, echo.v4(), 200, std::ref(back));
  w.run_for(100ms);
  CHECK(back.empty());
  w.heal(echo, pinging);
  w.run_until([&] { return !pinging.running(); });
  CHECK(!back.empty());
  CHECK(back.size() < 150);
  CHECK(back.back() == 199);

  std::size_t kept = 0;
  w.host("slow").run([&]() -> task<> {
    net::udp_socket s = co_await net::bind_udp({.port = port, .receive_buffer = 4096});
    co_await sleep_for(1s);
    while (co_await with_timeout(1s, s.receive()).result()) ++kept;
  });
  w.host("flood").run([&]() -> task<> {
    net::udp_socket s = co_await net::bind_udp({.address = net::ip_address::any_v4});
    for (int i = 0; i != 100; ++i) co_await s.send_to({w.host("slow").v4(), port}, std::string_view("much of it"));
  });
  w.run_until([&] { return !w.host("slow").running(); });
  CHECK(kept > 1);
  CHECK(kept < 20);
}

TEST_CASE("where runs differ, the first event that does is named", "[sim]") {
  int runs = 0;
  const auto scenario = [&](sim::world& w) {
    w.host("a").run([&]() -> task<> { co_await sleep_for(runs++ == 0 ? 1s : 2s); });
    w.run_to_end();
  };
  std::string said;
  try {
    sim::check_deterministic({}, scenario);
  } catch (const sim::not_deterministic& e) {
    said = e.what();
  }
  CHECK(said.find("two runs of seed 1 differ at event 2: before") != std::string::npos);
  CHECK(said.find("1.000000000 a ") != std::string::npos);
  CHECK(said.find("2.000000000 a ") != std::string::npos);
}

TEST_CASE("who closes a descriptor that is in use, or is not open, ends the run", "[sim]") {
  const auto said = [](auto misuse) {
    sim::world w;
    w.host("careless").run(misuse);
    std::string text;
    try {
      w.run_to_end();
    } catch (const sim::run_failed& e) {
      text = e.what();
    }
    return text;
  };
  const std::string in_use = said([]() -> task<> {
    engine& e = scheduler::current().engine();
    const int fd = e.open_socket(AF_INET, SOCK_DGRAM, 0);
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> { static_cast<void>(co_await readable(fd).result()); });
      co_await sleep_for(1ms);
      e.close_descriptor(fd);
    });
  });
  CHECK(in_use.find("host 'careless': descriptor 16777216 is closed while an operation on it is in flight: poll") !=
        std::string::npos);
  const std::string twice = said([]() -> task<> {
    engine& e = scheduler::current().engine();
    const int fd = e.open_socket(AF_INET, SOCK_DGRAM, 0);
    e.close_descriptor(fd);
    e.close_descriptor(fd);
    co_return;
  });
  CHECK(twice.find("host 'careless': descriptor 16777216 is closed, and is not open") != std::string::npos);
}

TEST_CASE("a deadlock is reported with the tasks of all hosts", "[sim]") {
  sim::world w;
  w.host("a").run([]() -> task<> {
    event never;
    co_await never.wait();
  });
  w.host("b").run([]() -> task<> {
    auto listener = co_await net::listen_tcp({.port = port});
    const auto none = co_await listener.accept();
  });
  std::string said;
  try {
    w.run_to_end();
  } catch (const sim::deadlock& e) {
    said = e.what();
  }
  CHECK(said.find("host a:") != std::string::npos);
  CHECK(said.find("host b:") != std::string::npos);
  CHECK(said.find("accept") != std::string::npos);
  CHECK(said.find("seed 1") != std::string::npos);
}

TEST_CASE("a test that fails by itself prints the seed, too, and only once", "[sim][real_fd]") {
  const auto said_of = [](auto test) {
    return testing::run_in_child([&]() noexcept {
      try {
        sim::world w{{.seed = 31, .replay = "my_test --seed {}"}};
        test(w);
      } catch (const std::exception&) {
      }
    });
  };
  const auto count = [](std::string_view in, std::string_view what) {
    std::size_t times = 0;
    for (std::size_t at = 0; (at = in.find(what, at)) != std::string_view::npos; at += what.size()) ++times;
    return times;
  };
  const auto own = said_of([](sim::world& w) {
    w.run_for(5s);
    throw std::runtime_error("the test's own check");
  });
  CHECK(count(own.report, "failed with seed 31, at 5.000000 s: an exception leaves the scope of the world") == 1);
  CHECK(count(own.report, "to repeat it: my_test --seed 31") == 1);
  const auto of_program = said_of([](sim::world& w) {
    w.host("a").run([]() -> task<> {
      co_await sleep_for(1s);
      throw std::runtime_error("the program's");
    });
    w.run_for(5s);
  });
  CHECK(count(of_program.report, "failed with seed 31") == 1);
  CHECK(count(said_of([](sim::world& w) { w.run_for(5s); }).report, "seed 31") == 0);
}

TEST_CASE("what a host logs names it", "[sim]") {
  const tests::captured_log logged;
  sim::world w;
  for (const char* const name : {"left", "right"}) {
    w.host(name).run([]() -> task<> {
      co_await with_nursery([](nursery& n) -> task<> {
        n.start([]() -> task<> {
          co_await sleep_for(1ms);
          log::warn("something");
        });
        co_return;
      });
    });
  }
  w.run_to_end();
  CHECK(logged.lines() == std::vector<std::string>{"warn something host=left", "warn something host=right"});
}

TEST_CASE("a condition that cannot come true any more ends the run", "[sim]") {
  sim::world w;
  w.host("a").run([]() -> task<> { co_return; });
  std::string said;
  try {
    w.run_until([] { return false; });
  } catch (const sim::deadlock& e) {
    said = e.what();
  }
  CHECK(said.find("no program runs any more, and the condition is not true") != std::string::npos);
}

TEST_CASE("what a program throws is thrown by the run, as it is", "[sim]") {
  sim::world w;
  w.host("a").run([]() -> task<> {
    co_await sleep_for(5s);
    throw std::out_of_range("too far");
  });
  CHECK_THROWS_AS(w.run_to_end(), std::out_of_range);
  CHECK(w.now() == 5s);
}

TEST_CASE("a connection through a partition goes on once it is healed", "[sim]") {
  std::string got;
  duration when{};
  sim::world w;
  auto& a = w.host("a");
  auto& b = w.host("b");
  a.run([&]() -> task<> {
    auto listener = co_await net::listen_tcp({.port = port});
    net::tcp_stream s = co_await listener.accept();
    while (const buffer_lease chunk = co_await s.read_some()) {
      got.append(reinterpret_cast<const char*>(chunk.data()), chunk.size());
      when = w.now();
    }
  });
  b.run([]() -> task<> {
    net::tcp_stream s = co_await net::connect_tcp("a", port);
    co_await sleep_for(1s);
    co_await s.write_all("through");
    co_await sleep_for(60s);
  });
  w.run_for(500ms);
  w.partition(a, b);
  w.run_for(9500ms);
  CHECK(got.empty());
  w.heal(a, b);
  w.run_to_end();
  CHECK(got == "through");
  CHECK(when > 10s);
  CHECK(when < 20s);
}

TEST_CASE("nobody answers through a partition, and a connect gives up", "[sim]") {
  std::string said;
  sim::world w;
  auto& a = w.host("a");
  w.partition(a, w.host("b"));
  w.host("b").run([&]() -> task<> {
    try {
      const auto s = co_await net::connect_tcp("a", port);
    } catch (const io_error& e) {
      said = e.what();
    }
  });
  w.run_to_end();
  CHECK(said.find("Connection timed out") != std::string::npos);
  CHECK(w.now() > 127s);
  CHECK(w.now() < 300s);
}

TEST_CASE("what is not simulated fails, and names the call", "[sim]") {
  std::string said;
  sim::world w;
  w.host("a").run([&]() -> task<> {
    try {
      const auto s = net::tcp_stream::adopt(0);
    } catch (const io_error& e) {
      CHECK(e.details() == errc::not_simulated);
      said = e.what();
    }
    co_return;
  });
  log::set_level(log::level::off);
  w.run_to_end();
  log::set_level(log::level::info);
  CHECK(said.find("adopt a socket: not simulated") != std::string::npos);
}
