// SPDX-License-Identifier: MIT
//
// Counters on all cores: what is shared between schedulers, without a lock.
//
//     $ counter_multicore --port 7005 --threads 4
//     listening on 127.0.0.1:7005
//
//     $ nc 127.0.0.1 7005
//     add apples
//     1
//     add apples 41
//     42
//     get apples
//     42
//     requests
//     4
//
// Clients of all schedulers see the same counters. A counter must be consistent, so it is owned by one scheduler, which
// a hash of its name chooses, and the others ask that one by `submit_to`. The number of requests is only ever added up:
// so each scheduler counts its own, and the parts are summed when somebody wants to know.

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include <wring/wring.hpp>

#include "options.hpp"

namespace {

namespace net = wring::net;
using wring::task;

constexpr std::size_t longest_line = 100;      // in bytes
constexpr std::size_t most_counters = 10'000;  // of a scheduler
constexpr std::uint64_t most_at_once = 1'000'000;

/// What a scheduler has to itself: a thread has one scheduler. Nobody else touches it, so nothing is locked.
struct own_part {
  std::map<std::string, std::uint64_t> counters;
  std::uint64_t requests = 0;  // of this scheduler's clients
};
thread_local own_part mine;

/// On the counter's owner: adds to it and returns its value; nothing if there are too many others. It awaits nothing,
/// so no other task can be in between.
std::optional<std::uint64_t> add_here(const std::string& name, std::uint64_t number) {
  auto found = mine.counters.find(name);
  if (found == mine.counters.end()) {
    if (number == 0) return 0;  // asked for, and not there
    if (mine.counters.size() == most_counters) return std::nullopt;
    found = mine.counters.emplace(name, 0).first;
  }
  return found->second += number;
}

/// The same, asked by any scheduler.
task<std::optional<std::uint64_t>> add(std::string name, std::uint64_t number) {
  wring::runtime& all = wring::runtime::current();
  wring::scheduler& owner = all.at(static_cast<unsigned>(std::hash<std::string>()(name) % all.size()));
  co_return co_await wring::submit_to(owner, add_here, std::move(name), number);
}

/// The requests of all schedulers' clients.
task<std::uint64_t> count_requests() {
  wring::runtime& all = wring::runtime::current();
  std::uint64_t sum = 0;
  for (unsigned i = 0; i != all.size(); ++i) {
    const std::uint64_t part = co_await wring::submit_to(all.at(i), [] { return mine.requests; });
    sum += part;
  }
  co_return sum;
}

/// The next word of a line, which is shortened by it.
std::string_view next_word(std::string_view& line) {
  line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
  const std::string_view word = line.substr(0, line.find(' '));
  line.remove_prefix(word.size());
  return word;
}

/// A number to be added, one if there is none; nothing if it is none.
std::optional<std::uint64_t> to_number(std::string_view text) {
  if (text.empty()) return 1;
  std::uint64_t number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem != std::errc() || end != text.data() + text.size() || number == 0 || number > most_at_once) return {};
  return number;
}

task<std::string> answer(std::string_view line) {
  ++mine.requests;
  const std::string_view verb = next_word(line);
  std::string name(next_word(line));
  if (verb == "requests" && name.empty()) {
    const std::uint64_t sum = co_await count_requests();
    co_return fmt::format("{}\n", sum);
  }
  const std::string_view last = next_word(line);
  const bool gets = verb == "get" && last.empty();
  const auto number = gets ? std::optional<std::uint64_t>(0) : to_number(last);
  if ((!gets && verb != "add") || name.empty() || !number || !next_word(line).empty()) {
    co_return fmt::format("error: expected `add NAME`, `add NAME 1...{}`, `get NAME` or `requests`\n", most_at_once);
  }
  const auto value = co_await add(std::move(name), *number);
  if (!value) co_return "error: there are too many counters\n";
  co_return fmt::format("{}\n", *value);
}

/// One client, until it has finished, or the program stops.
task<> answer_lines(net::tcp_stream peer) {
  net::reader in(peer);
  auto next = [&] { return in.read_line(longest_line); };
  for (;;) {
    const auto line = co_await wring::until_stopping(next);
    if (!line || !*line) co_return;
    const std::string text = co_await answer(**line);
    co_await peer.write_all(text);
  }
}

struct settings {
  net::tcp_listen_options listen{.address = net::ip_address::loopback_v4, .port = 7005};
  net::serve_options serve{.grace = std::chrono::seconds(3)};
};

/// On each scheduler. The first one chooses the port, in case it may be any, and tells the others.
task<> serve_counters(settings chosen, wring::cross_channel<std::uint16_t>& port) {
  const bool first = wring::runtime::number() == 0;
  if (!first) {
    const auto told = co_await wring::until_stopping(port.receive());
    if (!told) co_return;
    chosen.listen.port = told->value();
  }
  auto listener = co_await net::listen_tcp(chosen.listen);
  if (first) {
    const unsigned others = wring::runtime::current().size() - 1;
    for (unsigned i = 0; i != others; ++i) co_await port.send(listener.local_address().port());
    fmt::print("listening on {}\n", listener.local_address());
    std::fflush(stdout);
  }
  co_await net::serve(listener, answer_lines, chosen.serve);
}

}  // namespace

int main(int argc, char** argv) {
  settings chosen;
  unsigned threads = 0;
  examples::options options(
      "Counts what it is told to, on all cores: `add NAME`, `add NAME 5`, `get NAME`, `requests`.");
  options.listen(chosen.listen);
  options.count("--threads", threads, "schedulers, each on a thread of its own; 0: one for each processor");
  options.time("--grace", chosen.serve.grace, "how long clients may continue after SIGINT or SIGTERM");
  options.read(argc, argv);
  wring::cross_channel<std::uint16_t> port(1);
  return wring::runtime(threads).run(serve_counters, chosen, std::ref(port));
}
