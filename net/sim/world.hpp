// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <wring/core/detail/export.hpp>
#include <wring/core/duration.hpp>
#include <wring/core/sim/faults.hpp>
#include <wring/core/sim/random_stream.hpp>
#include <wring/core/sim/run_failed.hpp>
#include <wring/core/sim/trace.hpp>
#include <wring/net/sim/host.hpp>
#include <wring/net/sim/link_options.hpp>

namespace wring::sim {

namespace detail {
class network;
}

struct world_options {
  /// All that is random in the world follows from it.
  std::uint64_t seed = 1;
  fault_options faults = {};  ///< none
  link_options link = {};     ///< between any two hosts, unless `world::set_link` says otherwise
  /// The command that repeats a run, with {} for the seed: it is printed when one fails.
  std::string_view replay = {};
  /// Events, such as a turn of a scheduler or an arrival, after which a run fails: its programs may be busy for ever.
  std::uint64_t event_limit = 1'000'000'000;
};
static_assert(std::is_trivially_destructible_v<world_options>);

/// Hosts that run programs, and the network between them, all simulated on this thread: with virtual time, and faults
/// that follow from a seed, so that a run can be repeated exactly.
///
///     sim::world w{{.seed = 7, .faults = sim::fault_options::all()}};
///     w.host("server").run(server);
///     w.host("client").run(client);
///     w.run_for(10min);
///
/// Programs are those that `wring::run` runs, unmodified. Each host has a scheduler, and one name that resolves to its
/// addresses; TCP between them has delays, windows, resets and half-closed connections as Linux has them, UDP arrives
/// or not, and Unix sockets connect tasks of one host. Time passes when nothing else can happen: ten minutes take as
/// long as what happens in them. What is not simulated (files, other sockets, descriptors of the kernel) fails with
/// `errc::not_simulated`, and is logged.
/// Functions that are offloaded run on this thread.
///
/// A run fails if a program throws, or by deadlock; then its seed, and the command that repeats it, are printed to
/// standard error. Use a world on one thread, outside of a scheduler. Programs must not use what differs from one run
/// to the next: other threads, the system's clock, addresses of objects as keys.
class WRING_API world {
 public:
  explicit world(const world_options& options = {});
  world(const world&) = delete;
  world& operator=(const world&) = delete;
  /// Cancels the programs that run, in a world without faults. One that has not ended an hour of its time later, or
  /// cannot, is abandoned as it is. When an exception ends the scope, as that of a test's failed check does, the seed
  /// is printed as for a run that fails.
  ~world();

  /// The host of this name, which is made when first asked for. Names are those of DNS.
  sim::host& host(std::string_view name);

  /// Lets this much time pass. Throws what a program throws; run_failed. Tasks that wait for ever are no failure here:
  /// time passes all the same.
  void run_for(duration time);
  /// Lets time pass until `condition()`, which is called after every event. Throws the same, and deadlock if it cannot
  /// come true any more.
  void run_until(const std::function<bool()>& condition);
  /// Lets time pass until no program runs. Throws the same.
  void run_to_end();

  /// How long it has run.
  [[nodiscard]] duration now() const noexcept;
  [[nodiscard]] std::uint64_t seed() const noexcept;
  /// Random numbers of the seed, for what a test itself decides. Each call begins the stream of this name anew: keep
  /// it.
  [[nodiscard]] random_stream random(std::string_view name) const noexcept;

  /// Nothing passes between the two hosts. What is sent meanwhile is sent again after pauses that double.
  void partition(const sim::host& a, const sim::host& b);
  void heal(const sim::host& a, const sim::host& b);
  /// What is sent from one host to the other arrives only after this time.
  void clog(const sim::host& from, const sim::host& to, duration time);
  /// How long bytes take from one host to the other, this way.
  void set_link(const sim::host& from, const sim::host& to, const link_options& options);
  /// From now on there are no faults, and those that last are over, `partition` and `clog` among them: what a program
  /// must recover from is past.
  void calm();

  /// How often each fault has happened: one that is on and never did has tested nothing.
  [[nodiscard]] const fault_counts& faults() const noexcept;
  /// What has happened.
  [[nodiscard]] sim::trace& trace() noexcept;
  /// The tasks of all hosts, see `wring::dump_tasks`.
  [[nodiscard]] std::string dump_tasks() const;

 private:
  [[nodiscard]] bool any_running() const noexcept;
  [[nodiscard]] bool next(std::int64_t limit);
  [[noreturn]] void fail(std::exception_ptr why, const std::string& what);
  void throw_failure();
  [[noreturn]] void report_deadlock();

  void print_failure(const std::string& what) const;

  const world_options options_;
  const std::string replay_;
  const int exceptions_;  ///< that were under way when it was made
  bool failure_is_printed_ = false;
  std::unique_ptr<detail::network> network_;
  std::vector<std::unique_ptr<sim::host, void (*)(sim::host*)>> hosts_;
};

/// Runs `scenario` twice, each time in a new world with these options. Throws not_deterministic with the first event
/// that differs; what the scenario throws. Returns the hash of the trace. The worlds outlive the scenario's variables:
/// programs that refer to them must have ended when it returns or throws.
WRING_API std::uint64_t check_deterministic(const world_options& options, const std::function<void(world&)>& scenario);

}  // namespace wring::sim
