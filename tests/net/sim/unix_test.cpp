// SPDX-License-Identifier: MIT
// Unix sockets in worlds. That each call does what it does in the kernel is tested by unix_calls_agree_test.cpp.
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <sys/socket.h>
#include <utility>

#include <catch2/catch_test_macros.hpp>

#include <wring/sim.hpp>
#include <wring/wring.hpp>

using namespace wring;
using namespace std::chrono_literals;

namespace {

constexpr const char* path = "/run/service.sock";

task<> echo(net::unix_stream peer) {
  while (const buffer_lease chunk = co_await peer.read_some()) co_await peer.write_all(chunk);
}

task<> serve_path(net::unix_listen_options options) {
  auto listener = co_await net::listen_unix(path, options);
  co_await net::serve(listener, echo);
}

std::string pattern(std::size_t size) {
  std::string made(size, '\0');
  for (std::size_t i = 0; i != size; ++i) made[i] = static_cast<char>(i * 7 + i / 251);
  return made;
}

/// Sends this to whoever serves the path, and returns what comes back.
task<> converse(std::string sent, std::string& back) {
  net::unix_stream s = co_await net::connect_unix(path, {.timeout = 5s});
  const auto send = [&]() -> task<> {
    co_await s.write_all(sent);
    co_await s.shut_down_write();
  };
  const auto both = [&](nursery& n) -> task<> {
    n.start(std::ref(send));
    while (const buffer_lease chunk = co_await s.read_some()) {
      back.append(reinterpret_cast<const char*>(chunk.data()), chunk.size());
    }
  };
  co_await with_nursery(std::ref(both));
}

/// Somebody of the same host, so that there are faults.
void converse_in(sim::world& w, const std::string& sent, std::string& back) {
  auto& h = w.host("alone");
  h.run([&]() -> task<> {
    const auto all = [&](nursery& n) -> task<> {
      n.start(serve_path, net::unix_listen_options());
      co_await yield();
      co_await converse(sent, back);
      n.cancel();
    };
    co_await with_nursery(std::ref(all));
  });
  w.run_to_end();
}

task<> note_error(const char* to, std::string& said) {
  const auto outcome = co_await net::connect_unix(to).result();
  said = outcome ? "connected" : outcome.error().message();
}

}  // namespace

TEST_CASE("what is sent through a Unix socket arrives whole, whatever the faults", "[sim][unix]") {
  const std::string sent = pattern(1'000'000);
  std::uint64_t partial = 0;
  for (std::uint64_t seed = 1; seed != 6; ++seed) {
    std::string back;
    sim::world w{{.seed = seed, .faults = sim::fault_options::all()}};
    converse_in(w, sent, back);
    CHECK(back == sent);
    partial += w.faults()[sim::fault::partial_send] + w.faults()[sim::fault::partial_receive];
  }
  CHECK(partial != 0);
}

TEST_CASE("a world with Unix sockets is repeated exactly", "[sim][unix]") {
  const auto scenario = [](sim::world& w) {
    std::string back;
    converse_in(w, pattern(200'000), back);
  };
  const auto hash = [&](std::uint64_t seed) {
    return sim::check_deterministic({.seed = seed, .faults = sim::fault_options::all()}, scenario);
  };
  CHECK(hash(1) != hash(2));
}

TEST_CASE("Unix sockets are of one host, and their files stay after its program", "[sim][unix]") {
  std::string elsewhere, stale, back;
  sim::world w;
  auto& h = w.host("a");
  h.run(serve_path, net::unix_listen_options{.remove_file = false});
  w.run_for(1s);
  w.host("b").run(note_error, path, std::ref(elsewhere));
  w.run_until([&] { return !w.host("b").running(); });
  CHECK(elsewhere.find("No such file or directory") != std::string::npos);
  h.request_stop();
  w.run_to_end();

  h.run(note_error, path, std::ref(stale));
  w.run_to_end();
  CHECK(stale.find("Connection refused") != std::string::npos);
  std::string in_use;
  h.run([&]() -> task<> {
    const auto kept = co_await net::listen_unix(path, {.replace_stale = false}).result();
    in_use = kept ? "listens" : kept.error().message();
  });
  w.run_to_end();
  CHECK(in_use.find("Address already in use") != std::string::npos);
  h.run(serve_path, net::unix_listen_options());
  w.run_for(1s);
  h.request_stop();
  w.run_to_end();
  // The one that has replaced it has removed its file.
  h.run(note_error, path, std::ref(stale));
  w.run_to_end();
  CHECK(stale.find("No such file or directory") != std::string::npos);
}

TEST_CASE("a connection is passed on by descriptor, and lasts until the last one is closed", "[sim][unix]") {
  std::string got;
  bool ended = false;
  sim::world w;
  w.host("server").run([]() -> task<> {
    auto listener = co_await net::listen_tcp({.port = 7000});
    auto [front, worker] = net::socket_pair(1);
    {
      net::tcp_stream accepted = co_await listener.accept();
      const std::array<int, 1> given{accepted.native_handle()};
      co_await front.write_all("x", given);
      // Its descriptor is closed here, and the connection stays open.
    }
    static_cast<void>(co_await worker.read_some());
    net::descriptor taken = worker.take_descriptor();
    net::tcp_stream passed = net::tcp_stream::adopt(taken.get());
    static_cast<void>(taken.release());
    co_await passed.write_all("from another");
  });
  w.host("client").run([&]() -> task<> {
    net::tcp_stream s = co_await net::connect_tcp("server", 7000);
    while (const buffer_lease chunk = co_await s.read_some()) {
      got.append(reinterpret_cast<const char*>(chunk.data()), chunk.size());
    }
    ended = true;
  });
  w.run_to_end();
  CHECK(got == "from another");
  CHECK(ended);
}

TEST_CASE("a descriptor of the kernel cannot be passed on in a world", "[sim][unix]") {
  std::string said;
  sim::world w;
  w.host("a").run([&]() -> task<> {
    auto [near, far] = net::socket_pair(1);
    const std::array<int, 1> given{0};
    const auto outcome = co_await near.write_all("x", given).result();
    CHECK(outcome.error() == errc::not_simulated);
    said = outcome.error().message();
  });
  log::set_level(log::level::off);
  w.run_to_end();
  log::set_level(log::level::info);
  CHECK(said.find("not simulated") != std::string::npos);
}

TEST_CASE("a Unix socket that is on its way to itself ends with its host's program", "[sim][unix]") {
  sim::world w;
  w.host("a").run([]() -> task<> {
    auto [near, far] = net::socket_pair(1);
    const std::array<int, 1> given{far.native_handle()};
    co_await near.write_all("x", given);
    // Nobody receives it. Leak checkers tell if it stays.
  });
  w.run_to_end();
  CHECK(w.host("a").exit_code() == 0);
}

TEST_CASE("a connection in the backlog of a listener that is closed is reset", "[sim][unix]") {
  std::string said;
  sim::world w;
  w.host("a").run([&]() -> task<> {
    engine& e = scheduler::current().engine();
    const auto at = net::socket_address::from_path(path);
    const int listening = e.open_socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK(e.bind(listening, *at.data(), at.size()) == 0);
    CHECK(e.listen(listening, 1) == 0);
    net::unix_stream s = co_await net::connect_unix(path);
    e.close_descriptor(listening);
    const auto reset = co_await s.read_some().result();
    said = reset ? "read" : reset.error().message();
  });
  w.run_to_end();
  CHECK(said.find("Connection reset by peer") != std::string::npos);
}
