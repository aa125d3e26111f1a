// SPDX-License-Identifier: MIT
//
// The scenario in which tools/find-plants looks for planted bugs (see core/detail/plants.hpp): clients ask a server
// that gives up on slow reads, writes and accepts, and listens anew all the time. It is built with -Dplants=enabled
// alone.
//
//     $ WRING_PLANT=torn-write planted --seeds 1..2000
//
// Rules: the numbers of what arrives on a connection follow each other, with the bytes that were sent; each client is
// answered as often as it wants to be in a minute after the last fault; no descriptor is left over. Three plants
// are in this file: they make a run that does not repeat itself, and break no rule.

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <wring/core/detail/plants.hpp>
#include <wring/sim.hpp>
#include <wring/wring.hpp>

namespace {

namespace net = wring::net;
namespace sim = wring::sim;
using namespace std::chrono_literals;
using wring::task;

constexpr std::uint16_t port = 7000;
constexpr int clients = 4;
constexpr int wanted = 25;  // answers
constexpr wring::duration patience = 1ms;

struct broken_rule : std::logic_error {
  using std::logic_error::logic_error;
};

/// What is sent: a head, and bytes that follow from its number.
struct frame_head {
  std::uint32_t magic = 0x57415645;
  std::uint32_t number = 0;
  std::uint32_t size = 0;
};

char byte_of(std::uint32_t number, std::size_t at) { return static_cast<char>(number * 7 + at); }

std::string frame(std::uint32_t number, std::uint32_t size) {
  const frame_head head{.number = number, .size = size};
  std::string text(sizeof head + size, '\0');
  std::memcpy(text.data(), &head, sizeof head);
  for (std::size_t i = 0; i != size; ++i) text[sizeof head + i] = byte_of(number, i);
  return text;
}

/// Puts frames together from bytes in order.
class frames {
 public:
  explicit frames(const char* whose) : whose_(whose) {}
  void add(std::span<const std::byte> bytes) { got_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size()); }
  /// The number of the next whole one.
  std::optional<std::uint32_t> next() {
    frame_head head;
    if (got_.size() < sizeof head) return {};
    std::memcpy(&head, got_.data(), sizeof head);
    if (head.magic != frame_head().magic || head.number != expected_) {
      throw broken_rule(fmt::format("{} gets a frame {} in place of {}", whose_, head.number, expected_));
    }
    if (got_.size() < sizeof head + head.size) return {};
    for (std::size_t i = 0; i != head.size; ++i) {
      if (got_[sizeof head + i] != byte_of(head.number, i)) {
        throw broken_rule(fmt::format("{} gets other bytes than were sent in frame {}", whose_, head.number));
      }
    }
    got_.erase(0, sizeof head + head.size);
    return expected_++;
  }

 private:
  const char* whose_;
  std::string got_;
  std::uint32_t expected_ = 0;
};

// The server.

struct server_state {
  bool over = false;
  std::vector<int*> members;  // what each has been answered, in order of arrival
};

task<> answer(net::tcp_stream peer, server_state& state) {
  int answered = 0;
  struct presence {
    presence(server_state& s, int& a) : state(s), answered(a) { state.members.push_back(&answered); }
    ~presence() { std::erase(state.members, &answered); }
    server_state& state;
    int& answered;
  };
  const presence here(state, answered);
  frames in("the server");
  std::array<std::byte, 1000> bytes{};
  try {
    for (;;) {
      const std::optional<std::size_t> count = co_await wring::move_on_after(patience, peer.read(bytes));
      if (!count) continue;  // nothing was taken
      if (*count == 0) break;
      in.add(std::span(bytes).first(*count));
      while (const auto number = in.next()) {
        ++answered;
        const std::string text = frame(*number, 100);
        co_await peer.write_all(text);
      }
    }
    co_await peer.close();
  } catch (const wring::io_error&) {
    // The client connects again.
  }
}

/// Pauses a little for each member: in which order they come is of no importance, as long as it is always the same.
task<> look_after(server_state& state) {
  while (!state.over) {
    std::vector<int*> order = state.members;
    if (WRING_PLANTED("pointer-order")) {
      // As a hash table of many would have them.
      const auto place = [](const int* p) { return reinterpret_cast<std::uintptr_t>(p) * 0x9e3779b97f4a7c15U; };
      std::ranges::sort(order, {}, place);
    }
    int weight = 0;
    for (std::size_t i = 0; i != order.size(); ++i) weight += *order[i] * static_cast<int>(i);
    co_await wring::sleep_for(5ms + weight * 1us);
  }
}

task<> listen_for(wring::nursery& connections, server_state& state) {
  auto listener = co_await net::listen_tcp({.port = port});
  // So that writes wait for the peer.
  constexpr int small = 8192;
  wring::engine& engine = wring::scheduler::current().engine();
  static_cast<void>(
      engine.set_option(listener.native_handle(), SOL_SOCKET, SO_RCVBUF, std::as_bytes(std::span(&small, 1))));
  for (int i = 0; i != 25 && !state.over; ++i) {
    std::optional<net::tcp_stream> peer = co_await wring::move_on_after(patience, listener.accept());
    if (peer) connections.start(answer, std::move(*peer), std::ref(state));
  }
  co_await listener.close();
}

task<> server(server_state& state) {
  wring::engine& engine = wring::scheduler::current().engine();
  const std::size_t before = engine.open_descriptors().all.size();
  co_await wring::with_nursery([&](wring::nursery& n) -> task<> {
    n.start(look_after, std::ref(state));
    while (!state.over) co_await listen_for(n, state);
    n.cancel();
  });
  co_await wring::sleep_for(1s);
  const std::size_t left = engine.open_descriptors().all.size();
  if (left != before) throw broken_rule(fmt::format("{} descriptors are left over", left - before));
}

// A client.

struct client_state {
  int answered = 0;
};

task<> hear(net::tcp_stream& stream, wring::event& heard) {
  frames in("a client");
  for (;;) {
    const wring::buffer_lease chunk = co_await stream.read_some();
    if (chunk.empty()) wring::error(wring::errc::unexpected_eof, "hear").raise();
    in.add(chunk);
    while (in.next()) heard.set();
  }
}

std::uint64_t random_number() {
  std::uint64_t number = 0;
  wring::scheduler::current().engine().random(std::as_writable_bytes(std::span(&number, 1)));
  return number;
}

/// Up to 400 us.
wring::duration some_time() {
  if (WRING_PLANTED("system-clock")) {
    return std::chrono::nanoseconds(std::chrono::system_clock::now().time_since_epoch()) % 400us;
  }
  return std::chrono::nanoseconds(random_number() % 400'000);
}

std::uint32_t some_size() {
  const auto size = static_cast<std::uint32_t>(random_number() % 40'000);
  if (!WRING_PLANTED("uninitialised-byte")) return size;
  const std::unique_ptr<char, void (*)(void*)> memory(static_cast<char*>(std::malloc(100)), std::free);
  const volatile char* const byte = memory.get() + 50;
  return size + static_cast<unsigned char>(*byte);
}

task<> ask(net::tcp_stream& stream, wring::event& heard, client_state& state) {
  for (std::uint32_t number = 0; state.answered != wanted;) {
    const std::string text = frame(number, some_size());
    // Where a write is given up that has begun, the next one says so.
    const bool written = co_await wring::move_on_after(patience, stream.write_all(text));
    if (!written) continue;
    ++number;
    co_await wring::sleep_for(some_time());
    co_await heard.wait();
    heard.reset();
    ++state.answered;
  }
}

task<> client(client_state& state) {
  while (state.answered != wanted) {
    try {
      net::tcp_stream stream = co_await net::connect_tcp("server", port, {.timeout = 5s});
      stream.set_send_buffer(4096);
      wring::event heard;
      co_await wring::with_nursery([&](wring::nursery& n) -> task<> {
        n.start([&]() -> task<> { co_await hear(stream, heard); });
        co_await ask(stream, heard, state);
        n.cancel();
      });
      co_await stream.close();
    } catch (const wring::io_error&) {
      // The server listens again soon, or the network has broken the connection.
    }
    co_await wring::sleep_for(10ms);
  }
}

// The world.

/// All but those that need patience with a silent peer, and those of datagrams.
sim::fault_options faults() {
  sim::fault_options f = sim::fault_options::all();
  f.half_open = f.datagram_loss = f.datagram_twice = f.datagram_late = 0;
  f.late = 200'000;
  f.partition_every = 5s;
  f.partition_lasts = 500ms;
  return f;
}

std::uint64_t scenario(std::uint64_t seed, bool trace) {
  server_state serving;
  std::array<client_state, clients> asking;
  sim::world w{{.seed = seed, .faults = faults(), .replay = "planted --seeds {}"}};
  if (trace) w.trace().print_to([](std::string_view line) { fmt::print("{}\n", line); });
  w.host("server").run(server, std::ref(serving));
  for (int i = 0; i != clients; ++i) w.host(fmt::format("client{}", i)).run(client, std::ref(asking[i]));
  w.run_for(5s);
  w.calm();
  const auto end = w.now() + 1min;
  w.run_until([&] {
    if (w.now() > end) throw broken_rule("no progress in a minute without faults\n" + w.dump_tasks());
    for (int i = 0; i != clients; ++i) {
      if (w.host(fmt::format("client{}", i)).running()) return false;
    }
    return true;
  });
  serving.over = true;
  w.run_to_end();
  return w.trace().hash();
}

}  // namespace

int main(int argc, char** argv) {
  unsigned long long first = 1, last = 1;
  bool trace = false;
  for (int i = 1; i != argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--trace") trace = true;
    if (argument == "--seeds" && i + 1 != argc && std::sscanf(argv[++i], "%llu..%llu", &first, &last) == 1)
      last = first;
  }
  wring::log::set_level(wring::log::level::off);
  for (std::uint64_t seed = first; seed <= last; ++seed) {
    try {
      fmt::print("seed {}: trace {:016x}\n", seed, scenario(seed, trace));
    } catch (const std::exception& e) {
      fmt::print("seed {}: {}\n", seed, e.what());
      return 1;
    }
    std::fflush(stdout);
  }
  return 0;
}
