// SPDX-License-Identifier: MIT
//
// A test by simulation: 50 people chat over a network that loses, delays, resets and partitions, in virtual time.
//
//     $ simulated_chat                      $ simulated_chat --seeds 1..100 --break
//     seed 1: 72075 messages, ...           seed 1: person 7 gets message 3 of person 5 a second time
//
// `hub` and `person` are the programs under test: they use nothing of the simulation. `scenario` puts them into a
// world. The rules they must keep: each message arrives once, unless a lost connection was reported, and those of one
// connection in order; and once the faults are over, everybody hears everybody within a minute. With `--break`, a
// person whose connection is lost sends its last message again, though it may have arrived. `--trace` prints what
// happens.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <wring/sim.hpp>
#include <wring/wring.hpp>

#include "options.hpp"

namespace {

namespace net = wring::net;
namespace sim = wring::sim;
using namespace std::chrono_literals;
using wring::task;

constexpr std::uint16_t port = 7001;
constexpr auto pause_between_messages = 4s;
constexpr auto patience = 10s;  // without hearing anything, a connection counts as lost
constexpr std::size_t hub_backlog = 65536;

// The hub sends every line that comes to everybody, with a number in front.

struct hub_state {
  std::uint64_t number = 0;
  std::vector<net::outbox*> members;
};

task<> attend(hub_state& hub, net::stream_ref visitor) {
  co_await wring::with_nursery([&](wring::nursery& n) -> task<> {
    net::outbox out(visitor, n, {.limit = hub_backlog, .overflow = net::outbox_overflow::abort});
    struct presence {
      presence(hub_state& h, net::outbox& o) : hub(h), out(o) { hub.members.push_back(&out); }
      ~presence() { std::erase(hub.members, &out); }
      hub_state& hub;
      net::outbox& out;
    };
    const presence present(hub, out);
    net::reader in(visitor);
    for (;;) {
      const auto line = co_await wring::with_timeout(patience, in.read_line());
      if (!line) co_return;
      const net::shared_bytes said(fmt::format("{} {}\n", ++hub.number, *line));
      for (net::outbox* member : hub.members) member->post(said);
    }
  });
}

task<> hub() {
  hub_state state;
  auto listener = co_await net::listen_tcp({.port = port});
  auto attending = [&](net::stream_ref visitor) { return attend(state, visitor); };
  co_await net::serve(listener, attending);
}

// A person says something every few seconds, and listens. Who loses the connection connects again.

/// What a person has heard, and the rules: it is the test that owns it, outside of the world.
class notebook {
 public:
  notebook(std::string owner, std::size_t people) : owner_(std::move(owner)), last_(people), heard_(people) {}

  void connected() { number_ = 0; }

  void heard(std::uint64_t number, std::size_t speaker, std::uint64_t message) {
    ++count;
    if (number_ != 0 && number != number_ + 1) {
      throw std::runtime_error(fmt::format("{} gets line {} after line {}", owner_, number, number_));
    }
    number_ = number;
    std::vector<bool>& of = heard_.at(speaker);
    if (of.size() < message + 2) of.resize(message + 2);
    if (of[message]) {
      throw std::runtime_error(fmt::format("{} gets message {} of person {} a second time", owner_, message, speaker));
    }
    // What was sent over a connection that is lost may be late. But these two came over the same one.
    if (of[message + 1]) {
      throw std::runtime_error(fmt::format("{} gets message {} of person {} after the next", owner_, message, speaker));
    }
    of[message] = true;
    last_[speaker] = std::max(last_[speaker], message);
  }
  [[nodiscard]] std::uint64_t last_of(std::size_t speaker) const { return last_[speaker]; }

  std::uint64_t count = 0;
  std::uint64_t lost = 0;  // connections that were reported lost

 private:
  std::string owner_;
  std::uint64_t number_ = 0;         // the latest line of this connection
  std::vector<std::uint64_t> last_;  // of each speaker, the highest
  std::vector<std::vector<bool>> heard_;
};

struct manners {
  bool repeats = false;
};

task<> listen(net::stream_ref hub, notebook& notes, std::size_t self, std::uint64_t& confirmed) {
  net::reader in(hub);
  for (;;) {
    const auto line = co_await wring::with_timeout(patience, in.read_line());
    if (!line) wring::error(wring::errc::unexpected_eof, "listen").raise();
    unsigned long long number = 0, speaker = 0, message = 0;
    if (std::sscanf(std::string(*line).c_str(), "%llu %llu %llu", &number, &speaker, &message) != 3) {
      throw std::runtime_error(fmt::format("not a line of the hub: {}", *line));
    }
    notes.heard(number, speaker, message);
    if (speaker == self) confirmed = message;
  }
}

task<> speak(net::stream_ref hub, std::size_t self, std::uint64_t& message) {
  for (;;) {
    co_await wring::with_timeout(patience, hub.write_all(fmt::format("{} {}\n", self, message + 1)));
    ++message;
    co_await wring::sleep_for(pause_between_messages);
  }
}

task<> person(std::size_t self, notebook& notes, manners how) {
  std::uint64_t message = 0;    // the latest that was said
  std::uint64_t confirmed = 0;  // and that has come back
  for (;;) {
    try {
      net::tcp_stream stream = co_await net::connect_tcp("hub", port, {.timeout = patience});
      notes.connected();
      if (how.repeats && confirmed < message) message = confirmed;
      co_await wring::with_nursery([&](wring::nursery& n) -> task<> {
        n.start([&]() -> task<> { co_await listen(stream, notes, self, confirmed); });
        co_await speak(stream, self, message);
      });
    } catch (const wring::io_error&) {
      ++notes.lost;
      // What was being said may have been heard, or not. A number is left out, to show that there is another
      // connection.
      if (!how.repeats) message += 2;
    }
    co_await wring::sleep_for(1s);
  }
}

// The scenario: a minute of chaos, and then everybody must hear everybody within a minute.

struct settings {
  std::uint64_t seed = 1;
  std::string seeds;
  unsigned people = 50;
  wring::duration chaos = 1min;
  bool breaks = false;
  bool trace = false;
};

struct outcome {
  std::uint64_t messages = 0;
  std::uint64_t lost = 0;
  std::uint64_t events = 0;
  std::uint64_t hash = 0;
  sim::fault_counts faults;
};

/// All but those of datagrams, which nobody sends here.
sim::fault_options all_faults() {
  sim::fault_options faults = sim::fault_options::all();
  faults.datagram_loss = faults.datagram_twice = faults.datagram_late = 0;
  return faults;
}

outcome scenario(const settings& chosen, std::uint64_t seed) {
  const std::string replay =
      fmt::format("simulated_chat --people {} --seed {{}}{}", chosen.people, chosen.breaks ? " --break" : "");
  std::vector<notebook> notes;
  for (std::size_t i = 0; i != chosen.people; ++i) notes.emplace_back(fmt::format("person {}", i), chosen.people);
  sim::world w{{.seed = seed, .faults = all_faults(), .replay = replay}};
  if (chosen.trace) w.trace().print_to([](std::string_view line) { fmt::print("{}\n", line); });

  w.host("hub").run(hub);
  for (std::size_t i = 0; i != chosen.people; ++i) {
    w.host(fmt::format("person{}", i)).run(person, i, std::ref(notes[i]), manners{.repeats = chosen.breaks});
  }
  w.run_for(chosen.chaos);
  w.calm();
  w.run_for(1min);

  // What each has heard of each, and what of that a little later.
  std::vector<std::uint64_t> before;
  for (const notebook& n : notes) {
    for (std::size_t i = 0; i != chosen.people; ++i) before.push_back(n.last_of(i));
  }
  w.run_for(patience);
  for (std::size_t i = 0; i != before.size(); ++i) {
    if (notes[i / chosen.people].last_of(i % chosen.people) <= before[i]) {
      throw std::runtime_error(
          fmt::format("seed {}: a minute after the last fault person {} does not hear person {}\n"
                      "to repeat it: {}",
                      seed, i / chosen.people, i % chosen.people, fmt::format(fmt::runtime(replay), seed)));
    }
  }
  outcome all{.events = w.trace().events(), .hash = w.trace().hash(), .faults = w.faults()};
  for (const notebook& n : notes) {
    all.messages += n.count;
    all.lost += n.lost;
  }
  return all;
}

}  // namespace

#ifndef WRING_EXAMPLE_UNDER_TEST  // the tests include this file for what is above
int main(int argc, char** argv) {
  settings chosen;
  examples::options options("Tests a chat by simulation: people talk over a network full of faults, in virtual time.");
  options.count("--seed", chosen.seed, "what all faults follow from");
  options.text("--seeds", chosen.seeds, "several seeds, as in 1..100");
  options.count("--people", chosen.people, "how many there are", 2, 1000);
  options.time("--chaos", chosen.chaos, "how long there are faults", 1s);
  options.flag("--break", chosen.breaks, "people repeat what may have arrived: a bug to be found");
  options.flag("--trace", chosen.trace, "print what happens");
  options.read(argc, argv);

  unsigned long long first = chosen.seed, last = chosen.seed;
  if (!chosen.seeds.empty() && (std::sscanf(chosen.seeds.c_str(), "%llu..%llu", &first, &last) != 2 || first > last)) {
    fmt::print(stderr, "simulated_chat: --seeds takes two numbers, as in 1..100, not '{}'\n", chosen.seeds);
    return 2;
  }
  wring::log::set_level(wring::log::level::off);
  sim::fault_counts all;
  for (std::uint64_t seed = first; seed <= last; ++seed) {
    try {
      const outcome o = scenario(chosen, seed);
      fmt::print("seed {}: {} messages, {} connections lost, {} events, trace {:016x}\n", seed, o.messages, o.lost,
                 o.events, o.hash);
      for (std::size_t f = 0; f != sim::faults; ++f)
        all.add(static_cast<sim::fault>(f), o.faults[static_cast<sim::fault>(f)]);
    } catch (const std::exception& e) {
      fmt::print("seed {}: {}\n", seed, e.what());
      return 1;
    }
    std::fflush(stdout);
  }
  std::string counts;
  bool all_happened = true;
  for (std::size_t f = 0; f != sim::faults; ++f) {
    if (!all_faults().has(static_cast<sim::fault>(f))) continue;
    counts += fmt::format("{}{} {}", f == 0 ? "" : ", ", sim::to_string(static_cast<sim::fault>(f)),
                          all[static_cast<sim::fault>(f)]);
    all_happened = all_happened && all[static_cast<sim::fault>(f)] != 0;
  }
  fmt::print("faults: {}\n", counts);
  if (all_happened) return 0;
  fmt::print("a kind of fault has not happened: run more seeds\n");
  return last - first >= 9 ? 1 : 0;
}
#endif
